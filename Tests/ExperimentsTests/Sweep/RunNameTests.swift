import Experiments
import Testing

/// Names of runs on W&B, as the published tool builds them.
struct RunNameTests {
    @Test(arguments: [
        (
            "tms_5-2",
            "tms5-2_nmasks1_stochrecon1.00e+00_stochreconlayer1.00e+00_p1.00e+00_impmin3.00e-03_C20_sd0_lr1.00e-03"
                + "_bs4096_ft5_hid2hid-layers0"
        ),
        (
            "tms_40-10-id",
            "tms40-10-1_nmasks1_stochrecon1.00e+00_stochreconlayer1.00e+00_p2.00e+00_impmin1.00e-04_C200_sd0"
                + "_lr1.00e-03_bs4096_ft40_hid10hid-layers1"
        ),
        (
            "resid_mlp1",
            "resid_mlp1_nmasks1_stochrecon1.00e+00_stochreconlayer1.00e+00_p2.00e+00_impmin1.00e-05_C100_sd0"
                + "_lr2.00e-03_bs2048_ft100_resid1000_mlp50"
        ),
    ]) func aNameSaysWhatIsDecomposedAndHow(experiment: String, name: String) throws {
        let published = try Registry.experiment(named: experiment)
        #expect(published.config.runName(target: published.target) == name)
    }

    @Test func lossesThatAreSkippedHaveNoPlaceInTheName() throws {
        let published = try Registry.experiment(named: "tms_5-2")
        let config = try published.config.setting("stochastic_recon_layerwise_coeff", to: .null)
            .setting("schatten_coeff", to: .number(0))
        let name = try #require(config.runName(target: published.target))
        #expect(name.contains("_stochrecon1.00e+00_schatten0.00e+00_p1.00e+00_"))
    }

    @Test func aNameOfTheUsersStandsForItselfBehindItsPrefix() throws {
        let published = try Registry.experiment(named: "tms_5-2")
        let config = try published.config.setting("wandb_run_name_prefix", to: .string("try-"))
        #expect(config.runName(target: published.target)?.hasPrefix("try-tms5-2_nmasks1_") == true)
        #expect(config.runName(target: nil) == nil)
        #expect(try config.setting("wandb_run_name", to: .string("mine")).runName(target: nil) == "try-mine")
    }
}
