import Testing

@testable import Slurm

struct QueueEntryTests {
    @Test func anArrayTaskAndAPlainJobAreRead() throws {
        let task = try #require(QueueEntry(line: "16_3|19|16|3|RUNNING|spd-a|n1|None||."))
        #expect(task.name == "16_3")
        #expect(task.job == SlurmJobID(rawValue: 19))
        #expect(task.arrayJob == SlurmJobID(rawValue: 16))
        #expect(task.task == 3)
        #expect(task.state == .running)
        #expect((task.jobName, task.nodes) == ("spd-a", "n1"))
        let plain = try #require(QueueEntry(line: "20|20|20|N/A|PENDING|spd-a|n1|Resources||."))
        #expect(plain.task == nil)
        #expect(plain.arrayJob == plain.job)
        #expect(plain.reason == "Resources")
    }

    @Test func reasonsMayHoldAnything() throws {
        let entry = try #require(
            QueueEntry(line: "7|7|7|N/A|PENDING|spd-a|n1|launch failed requeued held | see log (JobHeldAdmin)||."))
        #expect(entry.reason == "launch failed requeued held | see log (JobHeldAdmin)")
    }

    @Test func anUnknownStateIsAValueThatSettlesNothing() throws {
        let entry = try #require(QueueEntry(line: "7|7|7|N/A|HIBERNATING|spd-a|n1|None||."))
        #expect(entry.state.rawValue == "HIBERNATING")
        #expect(!entry.state.isFinal)
        #expect(!SlurmState.completing.isFinal)
        #expect(SlurmState(rawValue: "NODE_FAIL").isFinal)
    }

    @Test(arguments: ["", "slurm_load_jobs error: Invalid job id specified", "a|b|c|d|e|f|g|h", "1|2|3"])
    func otherTextIsNotAnEntry(line: String) {
        #expect(QueueEntry(line: line) == nil)
    }

    @Test func sbatchsParsableAnswerIsRead() {
        #expect(SlurmJobID(parsable: "812\n") == SlurmJobID(rawValue: 812))
        #expect(SlurmJobID(parsable: "812;cluster2\n") == SlurmJobID(rawValue: 812))
        #expect(SlurmJobID(parsable: "Welcome to the cluster!\n812\n") == SlurmJobID(rawValue: 812))
        #expect(
            SlurmJobID(parsable: "812;cluster2\r\n** 3 jobs at most **\nin 2 days: maintenance\n")
                == .init(rawValue: 812))
        #expect(SlurmJobID(parsable: "Hello\nSubmitted batch job 812 on cluster c2\nBye\n") == .init(rawValue: 812))
        for bad in ["", "-1", "0", ";cluster", "Be nice", "12 jobs are waiting"] {
            #expect(SlurmJobID(parsable: bad) == nil, "\(bad)")
        }
    }
}
