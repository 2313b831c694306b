/// The names by which runs' settings are compared: `lr=0.1`, or `lr>=0.004` where nearly every run has a number of its
/// own, as in a random search.
package struct SettingNames {
    /// Of each run, in the order given.
    package let names: [[String]]

    /// Beyond this many different values of one setting, a range says more than a number.
    private static let mostNumbers = 8

    /// Names the settings of runs.
    ///
    /// - Parameter runs: The values of each run's settings, as JSON texts, and whether it failed.
    package init(_ runs: [(values: [String: String], isFailed: Bool)]) {
        var numbers: [String: [(number: Double, isFailed: Bool)]] = [:]
        var texts: Set<String> = []
        for run in runs {
            for (path, value) in run.values {
                if let number = Double(value) {
                    numbers[path, default: []].append((number, run.isFailed))
                } else {
                    texts.insert(path)
                }
            }
        }
        for path in texts { numbers[path] = nil }
        let bounds = numbers.compactMapValues { numbers in
            Set(numbers.map(\.number)).count > Self.mostNumbers ? Self.bound(numbers) : nil
        }
        names = runs.map { run in
            run.values.map { path, value in
                guard let bound = bounds[path], let number = Double(value) else { return "\(path)=\(value)" }
                return number >= bound ? "\(path)>=\(bound)" : "\(path)<\(bound)"
            }
        }
    }

    /// The number that best parts the failed runs from the others: from it on, the shares of both that are there
    /// differ most.
    private static func bound(_ numbers: [(number: Double, isFailed: Bool)]) -> Double? {
        let sorted = numbers.sorted { $0.number < $1.number }
        let failed = sorted.count(where: \.isFailed)
        guard failed > 0, failed < sorted.count else { return nil }
        var (failedBelow, otherBelow) = (0, 0)
        var best: (difference: Double, bound: Double)?
        for (index, run) in sorted.enumerated() {
            if index > 0, run.number > sorted[index - 1].number {
                let difference = abs(
                    Double(failedBelow) / Double(failed) - Double(otherBelow) / Double(sorted.count - failed))
                if difference > best?.difference ?? 0 { best = (difference, run.number) }
            }
            if run.isFailed { failedBelow += 1 } else { otherBelow += 1 }
        }
        return best?.bound
    }
}
