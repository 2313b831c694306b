import ArgumentParser
import Experiments
import Orchestration

/// Lists the experiments, or prints one.
struct ListExperiments: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "experiments",
        abstract: "List the published experiments, or print one's YAML to copy and change.",
        discussion: """
            EXAMPLES
              orchestrator experiments
              orchestrator experiments tms_5-2 > my_config.yaml
              orchestrator submit --experiments my_config.yaml
            """)

    @Argument(help: "The experiment whose YAML to print.", completion: .list(Registry.names))
    var name: String?

    func run() throws {
        do {
            if let name {
                print(try Registry.yaml(named: name), terminator: "")
            } else {
                for name in Registry.allNames { print(name) }
            }
        } catch {
            throw Failure(error)
        }
    }
}
