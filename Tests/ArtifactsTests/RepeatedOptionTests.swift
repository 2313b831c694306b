import Artifacts
import Testing

struct RepeatedOptionTests {
    @Test(arguments: [
        (["--mem", "4G", "--mem", "8G"], ["4G", "8G"]), (["--job-id=1", "--job-id", "2"], ["1", "2"]),
        (["--job_id=1", "--job-id", "2"], ["1", "2"]), (["-n", "1", "--x", "-n=2"], ["1", "2"]),
    ]) func anOptionWithTwoValuesIsFound(arguments: [String], values: [String]) {
        #expect(RepeatedOption(in: arguments)?.values == values)
    }

    @Test(arguments: [
        ["--json", "--json"], ["--mem", "4G", "--", "--mem", "8G"], ["--run", "a", "--run", "b"], ["--offset", "-3"],
        ["--arg", "--mem=4G", "--mem", "4G"],
    ]) func whatIsMeantIsNone(arguments: [String]) {
        #expect(RepeatedOption(in: arguments, repeatable: ["--run"], takingAnything: ["--arg"]) == nil)
    }

    @Test func itIsToldWithBothValues() {
        #expect(RepeatedOption(in: ["--report", "--no-report"])?.values == ["--report", "--no-report"])
        #expect(RepeatedOption(in: ["--no-report", "--no-report"]) == nil)
        #expect(
            RepeatedOption(in: ["--out", "a", "--out=b"])?.description
                == "--out is given twice, as 'a' and 'b'; keep one")
    }
}
