import Artifacts
import Foundation
import TestFiles
import Testing

@testable import Store

struct LinksTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(folder.cache)
    }

    private func job(_ specs: [NewSpec]) throws -> Job {
        try store.insertJob(.sample(), specs: specs) { _ in }
    }

    @Test func linksAreKeptWithTheJobAndReplacedAsAWhole() throws {
        let job = try job(NewSpec.samples(1))
        #expect(job.links == [])
        let project = JobLink(kind: .project, title: "spd", url: "https://w/lab/spd", id: nil)
        let report = JobLink(kind: .report, title: "R", url: "https://w/lab/spd/reports/R--Vmlldzox", id: "Vmlldzox=")
        try store.setLinks([project], of: job.id)
        try store.setLinks([project, report], of: job.id)
        #expect(try store.job(job.id).links == [project, report])
        #expect(try store.jobs().first?.job.links == [project, report])
    }

    @Test func experimentsAreToldInTheOrderOfTheirFirstSpecs() throws {
        func spec(_ experiment: String, _ config: String) -> NewSpec {
            NewSpec(experiment: experiment, config: config, overrides: "[]", target: nil, steps: 1)
        }
        let job = try job([
            spec("z", #"{"wandb_project":"spd","task_config":{"task_name":"tms"}}"#),
            spec("a", #"{"wandb_project":null,"task_config":{"task_name":"residual_mlp"}}"#),
            spec("z", #"{"wandb_project":"other","task_config":{"task_name":"tms"}}"#),
        ])
        #expect(
            try store.experiments(of: job.id) == [
                JobExperiment(name: "z", project: "spd", task: "tms", specs: 2),
                JobExperiment(name: "a", project: nil, task: "residual_mlp", specs: 1),
            ])
    }

    @Test func theCommitIsWhatTheJobsFolderTells() throws {
        let job = try job(NewSpec.samples(1))
        #expect(try job.checkout()?.commit == nil)
        try FileManager.default.createDirectory(atPath: job.folder.path, withIntermediateDirectories: true)
        try Data(#"{"version":"1","git":{"commit":"0123abc","branch":null}}"#.utf8)
            .write(to: URL(filePath: job.folder.snapshot))
        #expect(try job.checkout()?.commit == "0123abc")

        // What is there and cannot be read is told.
        try Data(#"{"version":"1","git":{"com"#.utf8).write(to: URL(filePath: job.folder.snapshot))
        #expect(throws: FileError.self) { try job.checkout() }
    }
}
