import Foundation
import Store
import TestFiles
import Testing

@Suite struct JobOptionsTests {
    @Test func whatWasAskedOfAgentsIsKeptWithTheJob() throws {
        let folder = try TemporaryFolder()
        let store = try Store(folder.cache)
        let options = JobOptions(
            slots: .auto, threads: 3, resources: ["mem": "4G"], sbatchArguments: ["--nice=100"], onFinish: "true",
            uploadsCheckpoints: true)
        let new = NewJob(token: "t", submittedFrom: "/", executor: .slurm, agentCount: 1, options: options)
        let job = try store.addJob(1, job: new)
        #expect(try store.job(job.id).options == options)
    }

    @Test func optionsThatOlderVersionsDidNotKnowHaveTheirUsualValues() throws {
        #expect(try JSONDecoder().decode(JobOptions.self, from: Data("{}".utf8)) == JobOptions())
    }
}
