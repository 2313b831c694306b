import Foundation
import Search
import Testing

/// The search beside scikit-optimize's Gaussian processes with expected improvement, on standard functions.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil
            && ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"] != nil,
        "SPD_TEST_SLOW=1, and SPD_TEST_PYTHON names a python that has scikit-optimize (make test-all)"))
struct ComparisonTests {
    private static let seeds = 3

    // A regret of so much is none for a user: the functions' ranges are about 300, 3 and 5.
    private static let negligible = ["branin": 0.01, "hartmann6": 0.05, "mixed": 0.05]

    @Test func itsRegretIsThatOfScikitOptimizeWithinAFactorOfTwo() throws {
        let theirs = try scikitOptimize()
        for function in StandardFunction.all {
            let regrets = (0..<Self.seeds).map { function.regret(seed: $0) }
            let own = regrets.reduce(0, +) / Double(regrets.count)
            let other = try #require(theirs[function.name])
            print("\(function.name): \(own) here, \(other) with scikit-optimize")
            #expect(own <= max(2 * other, Self.negligible[function.name] ?? 0), "\(function.name)")
        }
    }

    /// The mean regret on each function.
    private func scikitOptimize() throws -> [String: Double] {
        let process = Process()
        process.executableURL = URL(filePath: try #require(ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"]))
        process.arguments = ["-c", Self.program, String(Self.seeds)]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try JSONDecoder().decode([String: Double].self, from: answer)
    }

    private static let program = """
        import json, math, sys, warnings
        import numpy as np
        from skopt import gp_minimize
        from skopt.space import Real, Integer, Categorical
        warnings.filterwarnings("ignore")
        A = np.array([[10, 3, 17, 3.5, 1.7, 8], [.05, 10, 17, .1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, .05, 10, .1, 14]])
        P = np.array([[.1312, .1696, .5569, .0124, .8283, .5886], [.2329, .4135, .8307, .3736, .1004, .9991],
                      [.2348, .1451, .3522, .2883, .3047, .6650], [.4047, .8828, .8732, .5743, .1091, .0381]])
        def branin(p):
            x, y = 15 * p[0] - 5, 15 * p[1]
            return (y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6)**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10
        def hartmann(p):
            return -float(np.dot([1, 1.2, 3, 3.2], np.exp(-np.sum(A * (np.array(p) - P)**2, axis=1))))
        def mixed(p):
            choice = int(p[2])
            number = 4 * (p[0] - [.2, .7, .45, .9][choice])
            return number**2 + (p[1] - 37)**2 / 300 + [.6, 0, .3, 1.][choice] + .2 * (1 - math.cos(9 * number))
        unit = Real(0., 1.)
        cases = [("branin", branin, [unit] * 2, 30, .397887), ("hartmann6", hartmann, [unit] * 6, 50, -3.32237),
                 ("mixed", mixed, [unit, Integer(0, 59), Categorical(["0", "1", "2", "3"])], 35, 0)]
        seeds = int(sys.argv[1])
        print(json.dumps({name: sum(gp_minimize(f, space, n_calls=budget, n_initial_points=10, acq_func="EI",
            random_state=seed).fun - least for seed in range(seeds)) / seeds for name, f, space, budget, least in cases}))
        """
}
