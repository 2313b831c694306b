import Testing

@testable import Slurm

struct SlurmTimeTests {
    @Test(arguments: [
        ("30", 1800), ("5:30", 330), ("2:00:00", 7200), ("1-0", 86400), ("1-12:30", 131_400),
        ("1-12:30:10", 131_410), ("0:00\n", 0), ("23:59:59", 86399),
    ])
    func timesAreReadAsSlurmWritesThem(text: String, seconds: Int) {
        #expect(SlurmTime.duration(text) == .seconds(seconds))
    }

    @Test(arguments: ["UNLIMITED", "infinite", "", "N/A", "1:2:3:4", "-5", "a-1", "1-"])
    func whatIsNoTimeIsNoLimit(text: String) {
        #expect(SlurmTime.duration(text) == nil)
    }
}
