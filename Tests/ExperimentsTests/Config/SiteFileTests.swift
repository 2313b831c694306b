import Testing

@testable import Experiments

struct SiteFileTests {
    @Test func aSitesDefaultsAreKeptAsSbatchTakesThem() throws {
        let site = try SiteFile.load(
            yaml: """
                # ours
                partition: cpu,long
                account: interp
                qos: normal
                time: 2-12:00:00
                mem: 8G
                cpus-per-task: 4
                constraint: "avx512&ib"
                exclude: n17,n[20-22]
                gres: lscratch:10
                sbatch-args: [--hint=nomultithread, "--comment=spd sweep"]
                n-agents: 16
                slots: auto
                threads: 2
                """, source: "site.yaml")
        #expect(
            site.resources == [
                "partition": "cpu,long", "account": "interp", "qos": "normal", "time": "2-12:00:00", "mem": "8G",
                "cpus-per-task": "4", "constraint": "avx512&ib", "exclude": "n17,n[20-22]", "gres": "lscratch:10",
            ])
        #expect(site.sbatchArguments == ["--hint=nomultithread", "--comment=spd sweep"])
        #expect(site.agentCount == 16)
        #expect(site.slots == .auto)
        #expect(site.threads == 2)
    }

    @Test func numbersAreTimesAndSizesToo() throws {
        let site = try SiteFile.load(
            yaml: "time: 240\nmem: 4000\naccount: 1234\nslots: 3\ncpus_per_task: 2\n", source: "site.yaml")
        #expect(site.resources == ["time": "240", "mem": "4000", "account": "1234", "cpus-per-task": "2"])
        #expect(site.slots == .count(3))
    }

    @Test(arguments: ["", "# partition: cpu\n", "---\n", "partition:\nn-agents: null\n"])
    func whatIsLeftOutIsNotSet(text: String) throws {
        #expect(try SiteFile.load(yaml: text, source: "site.yaml") == SiteFile())
    }

    @Test(arguments: [
        ("partion: cpu", "site.yaml:1:1: partion: unknown key; did you mean partition?"),
        (
            "qos: high\ntime: soon",
            #"site.yaml:2:7: time: found "soon", expected minutes, or a time such as 4:00:00, 30:00 or "#
                + "2-12:00:00, or null"
        ),
        ("mem: 8 GB", #"site.yaml:1:6: mem: found "8 GB", expected megabytes, or a size such as 8G, or null"#),
        ("cpus-per-task: 0", "site.yaml:1:16: cpus-per-task: found 0, expected a positive integer, or null"),
        (
            "partition: a b",
            #"site.yaml:1:12: partition: found "a b", expected a name as sbatch takes it, without blanks, or null"#
        ),
        (
            "sbatch-args: --hint=nomultithread",
            #"site.yaml:1:14: sbatch-args: found "--hint=nomultithread", expected a list of sbatch options "#
                + "such as [--hint=nomultithread]"
        ),
        ("slots: many", #"site.yaml:1:8: slots: found "many", expected a positive integer or auto, or null"#),
        ("n-agents: 0", "site.yaml:1:11: n-agents: found 0, expected a positive integer (below 2^31), or null"),
        (
            "cpus-per-task: 1\ncpus_per_task: 2",
            "site.yaml:2:1: cpus_per_task: is given twice, once as cpus-per-task; keep one"
        ),
        ("- partition", #"site.yaml:1:1: found ["partition"], expected a mapping of keys"#),
    ])
    func aMistakeIsToldWithItsPlaceAndTheNearMiss(text: String, message: String) {
        #expect(problems { _ = try SiteFile.load(yaml: text, source: "site.yaml") } == message)
    }
}
