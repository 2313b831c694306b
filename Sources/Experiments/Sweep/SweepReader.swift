/// Reads the sections of a sweep file into groups of parameters.
struct SweepReader {
    static let zipKey = "zip"
    /// What W&B calls the mapping of parameters, at the top and inside of parameters that hold others.
    static let wandbKey = "parameters"

    let source: String
    private(set) var problems: [ConfigProblem] = []

    init(source: String) {
        self.source = source
    }

    mutating func report(_ cause: ConfigProblem.Cause, path: String, at place: SourcePlace?) {
        guard problems.count < ConfigError.limit else { return }
        problems.append(ConfigProblem(source: source, place: place, path: path, cause: cause))
    }

    /// Whether an entry of a whole file is a parameter that stands too far out.
    static func isParameter(_ entry: SourceNode.Entry) -> Bool {
        guard ExperimentConfig.isKnown(entry.key) else { return false }
        guard case .map(let inner) = entry.value.content, !ExperimentConfig.compoundKeys.contains(entry.key) else {
            return true
        }
        return inner.contains { ParameterKey(rawValue: $0.key) != nil }
    }

    /// `user_metrics`, `user_figures` or `observers` as a parameter: what stands there is one value, and `values` a list of such.
    static func ownValues(of entry: SourceNode.Entry) -> [SourceNode.Entry] {
        if case .map(let inner) = entry.value.content, inner.count == 1, inner[0].key == "values",
            case .list = inner[0].value.content
        {
            return inner
        }
        return [SourceNode.Entry(key: "value", place: entry.place, value: entry.value)]
    }

    mutating func method(_ entry: SourceNode.Entry) -> SweepFile.Method? {
        let known = SweepFile.Method.allCases.map(\.rawValue)
        guard case .string(let name) = entry.value.value else {
            let cause = ConfigProblem.Cause.invalid(
                found: "\(entry.value.value)", allowed: known.joined(separator: " or "))
            report(cause, path: entry.key, at: entry.value.place)
            return nil
        }
        guard let method = SweepFile.Method(rawValue: name) else {
            let nearest = Spelling.nearest(to: name, among: known)
            report(
                .unknownName(kind: "method", name: name, nearest: nearest, known: known), path: entry.key,
                at: entry.value.place)
            return nil
        }
        return method
    }

    mutating func section(_ entry: SourceNode.Entry) -> [SweepFile.Group] {
        guard case .map(let inner) = entry.value.content, !inner.isEmpty else {
            let reason = "found \(entry.value.value), expected a mapping of parameters"
            report(.sweepForm(reason), path: entry.key, at: entry.place)
            return []
        }
        var section = SectionReader(name: entry.key, reader: self)
        for child in inner {
            switch child.key {
            case "values":
                let reason = "'values' belongs inside a parameter, such as 'seed: {values: [0, 1]}'"
                section.reader.report(.sweepForm(reason), path: entry.key, at: child.place)
            case Self.zipKey: section.readZip(child)
            default: section.readAlone(child)
            }
        }
        self = section.reader
        return section.groups
    }
}

/// Reads one section.
private struct SectionReader {
    let name: String
    var reader: SweepReader
    private(set) var groups: [SweepFile.Group] = []
    private var paths: Set<String> = []

    init(name: String, reader: SweepReader) {
        self.name = name
        self.reader = reader
    }

    /// Reads a parameter that varies on its own, or a mapping of such.
    mutating func readAlone(_ entry: SourceNode.Entry) {
        for parameter in parameters(entry, path: entry.key, filePath: "\(name).\(entry.key)", isZipped: false) {
            groups.append(SweepFile.Group(parameters: [parameter]))
        }
    }

    /// Reads a group of parameters that vary together, or a list of groups.
    mutating func readZip(_ entry: SourceNode.Entry) {
        let path = "\(name).\(SweepReader.zipKey)"
        switch entry.value.content {
        case .list(let items) where !items.isEmpty:
            for (index, item) in items.enumerated() { readGroup(item, path: "\(path)[\(index)]", at: item.place) }
        default: readGroup(entry.value, path: path, at: entry.place)
        }
    }

    private mutating func readGroup(_ node: SourceNode, path: String, at place: SourcePlace?) {
        guard case .map(let inner) = node.content, !inner.isEmpty else {
            let reason =
                "found \(node.value), expected parameters and their lists, such as '{C: [10, 20], lr: [1e-3, 5e-4]}'"
            reader.report(.sweepForm(reason), path: path, at: place)
            return
        }
        var group: [SweepFile.Parameter] = []
        for child in inner {
            group += parameters(child, path: child.key, filePath: "\(path).\(child.key)", isZipped: true)
        }
        let lists = group.compactMap { parameter in parameter.choice.list.map { (parameter, $0.count) } }
        guard lists.count == group.count else {
            for parameter in group where parameter.choice.list == nil {
                let reason = "is drawn at random; a zip takes lists of equal length"
                reader.report(.sweepForm(reason), path: parameter.filePath, at: parameter.place)
            }
            return
        }
        guard let (first, count) = lists.first else { return }
        for (parameter, otherCount) in lists where otherCount != count {
            let line = first.place.map { " (line \($0.line))" } ?? ""
            let reason =
                "has \(Self.values(otherCount)), \(first.filePath)\(line) has \(Self.values(count)); "
                + "lists that vary together are equally long"
            reader.report(.sweepForm(reason), path: parameter.filePath, at: parameter.place)
        }
        groups.append(SweepFile.Group(parameters: group))
    }

    private static func values(_ count: Int) -> String { "\(count) value\(count == 1 ? "" : "s")" }

    /// The contents of one path: a parameter, or a mapping of deeper ones.
    private mutating func parameters(
        _ entry: SourceNode.Entry, path: String, filePath: String, isZipped: Bool
    ) -> [SweepFile.Parameter] {
        if ExperimentConfig.compoundKeys.contains(path), !isZipped, entry.value.value != .map([]) {
            return parameter(SweepReader.ownValues(of: entry), entry, path: path, filePath: filePath)
        }
        guard case .map(let inner) = entry.value.content else {
            if isZipped, case .list = entry.value.content {
                let list = SourceNode.Entry(key: "values", place: entry.place, value: entry.value)
                return parameter([list], entry, path: path, filePath: filePath)
            }
            report(
                ExperimentConfig.isKnown(path) ? .sweepForm(bareValue(entry.value.value)) : unknown(path),
                path: filePath, at: entry.place)
            return []
        }
        if entry.key == SweepReader.wandbKey, path.contains(".") {
            let reason = "W&B's 'parameters' is left out here; put what is below it one level higher"
            report(.sweepForm(reason), path: filePath, at: entry.place)
            return []
        }
        if inner.isEmpty {
            let reason = "is an empty mapping; a parameter takes 'values: [...]'"
            report(.sweepForm(reason), path: filePath, at: entry.place)
            return []
        }
        if ExperimentConfig.isParameter(path) || inner.contains(where: { ParameterKey(rawValue: $0.key) != nil }) {
            return parameter(inner, entry, path: path, filePath: filePath)
        }
        var found: [SweepFile.Parameter] = []
        for child in inner {
            found += parameters(
                child, path: "\(path).\(child.key)", filePath: "\(filePath).\(child.key)", isZipped: isZipped)
        }
        return found
    }

    private mutating func parameter(
        _ keys: [SourceNode.Entry], _ entry: SourceNode.Entry, path: String, filePath: String
    ) -> [SweepFile.Parameter] {
        var choices = ChoiceReader(
            filePath: filePath, place: entry.place, reader: reader,
            takesMappings: ExperimentConfig.compoundKeys.contains(path))
        let choice = choices.choice(keys)
        reader = choices.reader
        guard let choice else { return [] }
        guard paths.insert(path).inserted else {
            report(.duplicateKey(path), path: filePath, at: entry.place)
            return []
        }
        return [SweepFile.Parameter(path: path, filePath: filePath, place: entry.place, choice: choice)]
    }

    private mutating func report(_ cause: ConfigProblem.Cause, path: String, at place: SourcePlace?) {
        reader.report(cause, path: path, at: place)
    }

    private func unknown(_ path: String) -> ConfigProblem.Cause {
        let nearest = Spelling.nearest(to: path, among: ExperimentConfig.parameterPaths)
        return .unknownName(kind: "parameter", name: path, nearest: nearest, known: [])
    }

    private func bareValue(_ value: ConfigValue) -> String {
        if case .list = value { return "is a bare list; write 'values: \(value)'" }
        return "is a bare value; write 'values: [\(value)]'"
    }
}

extension ExperimentConfig {
    /// Whether a dotted path names a key that holds one value, whatever the task.
    fileprivate static func isParameter(_ path: String) -> Bool { parameterPaths.contains(path) }

    /// Keys for which a sweep file holds the value itself, or `values` to choose from.
    static let compoundKeys = ["user_metrics", "user_figures", "observers"]

    /// Whether a dotted path names a key, of one value or of several.
    static func isKnown(_ path: String) -> Bool {
        parameterPaths.contains { $0 == path || $0.hasPrefix(path + ".") }
    }

    /// The dotted paths of all keys that hold one value, over all tasks, in order.
    static let parameterPaths: [String] = {
        let paths = TargetKind.all.map { kind in
            var config = ExperimentConfig()
            config.taskConfig = TaskConfig(kind: kind)
            return fields.paths(in: config)
        }
        var seen: Set<String> = []
        return paths.joined().filter { seen.insert($0).inserted }
    }()
}
