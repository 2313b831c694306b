import TestFiles
import Testing

@testable import Store

struct JobTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(folder.cache)
    }

    @Test func aJobIsStoredWithItsSpecsInOrder() throws {
        let job = try store.addJob(3)
        let snapshot = try store.snapshot(of: job.id)
        #expect(snapshot.job == job)
        #expect(job.folder.path == "\(folder.path)/jobs/\(job.id)")
        #expect(snapshot.runs.map(\.position) == [0, 1, 2])
        #expect(snapshot.counts[.pending] == 3)
        #expect(Set(snapshot.runs.map(\.id)).count == 3)
        #expect(snapshot.runs.allSatisfy { $0.folder.path == "\(folder.path)/runs/\($0.id)" })
        #expect(try store.spec(of: snapshot.runs[2].id).config == #"{"seed":2}"#)
    }

    @Test func aJobWhoseFolderCannotBePublishedIsNotStored() throws {
        struct NoSpace: Error {}
        #expect(throws: NoSpace.self) {
            try store.insertJob(.sample(), specs: NewSpec.samples(2)) { _ in
                throw NoSpace()
            }
        }
        #expect(try store.jobs().isEmpty)
    }

    @Test func tenThousandSpecsAreStoredAndCountedAtOnce() throws {
        let job = try store.addJob(10_000)
        #expect(try store.jobs().map(\.counts.total) == [10_000])
        #expect(try store.snapshot(of: job.id).runs.count == 10_000)
    }

    @Test func aJobThatNobodyHasBegunCanBeWithdrawn() throws {
        let job = try store.addJob(2, job: .sample(.local))
        #expect(try store.withdraw(job.id))
        #expect(try store.jobs().isEmpty)
        #expect(try store.addJob(1).id == job.id, "no agent has heard of its number")
    }

    @Test func aJobThatAnAgentHasBegunStays() throws {
        let job = try store.addJob(2)
        _ = try store.claimNext(of: job.id, by: try store.addAgent(to: job.id), lease: lease)
        #expect(try !store.withdraw(job.id))
        #expect(try store.jobs().count == 1)
    }

    @Test func anUnknownJobNamesTheLatestOnes() throws {
        let job = try store.addJob(1)
        let unknown = JobID(rawValue: 77)
        #expect(throws: StoreError.unknownJob(unknown, latest: [job.id])) { try store.job(unknown) }
        #expect(
            "\(StoreError.unknownJob(unknown, latest: [job.id]))" == "there is no job 77; the latest are 1")
    }

    @Test func theSubmissionsStateIsKept() throws {
        let job = try store.addJob(1)
        #expect(job.submission == .stored)
        try store.addSbatchCalls([("submit.sh", 1)], to: job.id)
        let call = try store.sbatchCalls(of: job.id)[0]
        try store.begin(call)
        try store.noteUnclear(call, mayCome: true)
        #expect(try store.job(job.id).submission == .uncertain)
        try store.markSubmitted(job.id, slurmJobID: 812)
        #expect(try store.job(job.id).submission == .submitted)
        #expect(try store.job(job.id).slurmJobID == 812)
    }

    @Test func runNamesAreEightLowercaseLettersAndDigits() {
        var generator = SystemRandomNumberGenerator()
        let run = RunID.random(using: &generator)
        #expect(RunID(rawValue: run.rawValue) == run)
        for bad in ["", "abc", "ABCDEFGH", "abcdefghi", "abc/efgh", "äbcdefg"] {
            #expect(RunID(rawValue: bad) == nil)
        }
    }
}
