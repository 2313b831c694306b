import Search

/// Reads `metric`, `early_terminate` and `run_cap`, which mean what they mean in W&B's sweep files.
struct ResultSettingsReader {
    static let metricName = "metric"
    static let earlyName = "early_terminate"
    static let capName = "run_cap"

    private(set) var reader: SweepReader
    private(set) var settings = SweepFile.ResultSettings()

    init(_ reader: SweepReader) { self.reader = reader }

    /// Whether it reads an entry of a sweep file.
    static func reads(_ entry: SourceNode.Entry) -> Bool {
        [metricName, earlyName, capName].contains(entry.key) && ForeignFile.isOfWandB(entry)
    }

    mutating func read(_ entry: SourceNode.Entry) {
        switch entry.key {
        case Self.metricName: readMetric(entry)
        case Self.earlyName: readEarly(entry)
        default:
            guard let count = whole(entry, entry.key, atLeast: 1) else { return }
            settings.runCap = (count, entry.place)
        }
    }

    private mutating func readMetric(_ entry: SourceNode.Entry) {
        guard let keys = keys(of: entry, ["name", "goal", "target", "impute", "impute_while_running"]) else { return }
        var isMaximized = false
        if let goal = keys["goal"] {
            switch goal.value.value {
            case .string("maximize"): isMaximized = true
            case .string("minimize"): break
            default: reject(goal, "\(entry.key).goal", "minimize or maximize")
            }
        }
        guard let name = keys["name"] else {
            reader.report(.sweepForm("needs a 'name', such as loss/total"), path: entry.key, at: entry.place)
            return
        }
        guard case .string(let text) = name.value.value, !text.isEmpty else {
            return reject(name, "\(entry.key).name", "the name of a metric, such as loss/total")
        }
        settings.metric = (text, isMaximized, name.place)
        if let target = keys["target"] {
            if let number = target.value.value.asNumber, number.isFinite {
                settings.target = number
            } else {
                reject(target, "\(entry.key).target", "a number")
            }
        }
        if let strategy = keys["impute"] { settings.impute = imputation(strategy, entry.key, orNone: false) }
        if let strategy = keys["impute_while_running"] {
            settings.imputeWhileRunning = imputation(strategy, entry.key, orNone: true)
        }
    }

    /// One of W&B's words for the value of a run that has no result; nil for `false`, where that may be.
    private mutating func imputation(
        _ entry: SourceNode.Entry, _ parent: String, orNone mayBeNone: Bool
    ) -> Imputation? {
        switch entry.value.value {
        case .bool(false) where mayBeNone: return nil
        case .string("false") where mayBeNone: return nil
        case .string(let word):
            if let strategy = Imputation(rawValue: word) { return strategy }
        default: break
        }
        reject(entry, "\(parent).\(entry.key)", "best, latest\(mayBeNone ? ", worst or false" : " or worst")")
        return nil
    }

    private mutating func readEarly(_ entry: SourceNode.Entry) {
        let known = ["type", "min_iter", "max_iter", "s", "eta", "strict"]
        guard let keys = keys(of: entry, known) else { return }
        func path(_ key: String) -> String { "\(entry.key).\(key)" }
        guard let type = keys["type"] else {
            reader.report(.sweepForm("needs 'type: hyperband'"), path: entry.key, at: entry.place)
            return
        }
        guard case .string("hyperband") = type.value.value else { return reject(type, path("type"), "hyperband") }
        var eta = 3.0
        if let given = keys["eta"] {
            guard let number = given.value.value.asNumber, number > 1, number.isFinite else {
                return reject(given, path("eta"), "a number > 1")
            }
            eta = number
        }
        var isStrict = true
        if let given = keys["strict"] {
            guard case .bool(let flag) = given.value.value else {
                return reject(given, path("strict"), "true or false")
            }
            isStrict = flag
        }
        var hyperband: Hyperband?
        if let maximum = keys["max_iter"] {
            guard let steps = keys["s"] else {
                reader.report(
                    .sweepForm("max_iter needs 's', how many times runs are compared"), path: entry.key,
                    at: maximum.place)
                return
            }
            guard let last = whole(maximum, path("max_iter"), atLeast: 1),
                let count = whole(steps, path("s"), atLeast: 1)
            else { return }
            hyperband = Hyperband(maxIterations: last, s: count, eta: eta, isStrict: isStrict)
        } else if let minimum = keys["min_iter"] {
            guard let first = whole(minimum, path("min_iter"), atLeast: 1) else { return }
            hyperband = Hyperband(minIterations: first, eta: eta, isStrict: isStrict)
        }
        guard let hyperband, !hyperband.bands.isEmpty else {
            let reason =
                hyperband == nil
                ? "needs 'min_iter', or 'max_iter' and 's'" : "compares runs nowhere: max_iter / eta is less than 1"
            reader.report(.sweepForm(reason), path: entry.key, at: entry.place)
            return
        }
        settings.hyperband = (hyperband, entry.place)
    }

    /// The entries of a mapping by key; nil, and a report, for anything else or unknown keys.
    private mutating func keys(of entry: SourceNode.Entry, _ known: [String]) -> [String: SourceNode.Entry]? {
        guard case .map(let inner) = entry.value.content else {
            reject(entry, entry.key, "a mapping of \(known.joined(separator: ", "))")
            return nil
        }
        var keys: [String: SourceNode.Entry] = [:]
        var isSound = true
        for child in inner {
            if known.contains(child.key) {
                keys[child.key] = child
                continue
            }
            isSound = false
            let nearest = Spelling.nearest(to: child.key, among: known)
            let cause = ConfigProblem.Cause.unknownName(
                kind: "key", name: child.key, nearest: nearest, known: known)
            reader.report(cause, path: entry.key, at: child.place)
        }
        return isSound ? keys : nil
    }

    private mutating func whole(_ entry: SourceNode.Entry, _ path: String, atLeast least: Int) -> Int? {
        if case .int(let number) = entry.value.value, (least...SweepFile.specLimit).contains(number) { return number }
        reject(entry, path, "a whole number from \(least) to \(SweepFile.specLimit)")
        return nil
    }

    private mutating func reject(_ entry: SourceNode.Entry, _ path: String, _ allowed: String) {
        let cause = ConfigProblem.Cause.invalid(found: "\(entry.value.value)", allowed: allowed)
        reader.report(cause, path: path, at: entry.value.place ?? entry.place)
    }
}

extension ConfigValue {
    fileprivate var asNumber: Double? {
        switch self {
        case .int(let int): Double(int)
        case .number(let number): number
        default: nil
        }
    }
}
