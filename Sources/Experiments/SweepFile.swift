/// A sweep file: which values the parameters of which experiments take.
///
/// Parameters stand under `global:` or under an experiment's name, nested as in the config or joined with
/// dots; a parameter holds a mapping of the one key `values`.
public struct SweepFile: Sendable {
    /// The values of one parameter.
    struct Parameter: Sendable {
        /// The dotted path in the config.
        let path: String
        /// The dotted path in the sweep file.
        let filePath: String
        let place: SourcePlace?
        let values: [SourceNode]
    }

    /// The parameters under one name.
    struct Section: Sendable {
        let name: String
        let place: SourcePlace?
        let parameters: [Parameter]
    }

    /// The file, as messages call it.
    public let source: String
    let global: [Parameter]
    let sections: [Section]
    /// What is wrong with the file's form; told together with what is wrong with its values.
    let problems: [ConfigProblem]
}

extension SweepFile {
    static let globalName = "global"

    /// Reads a sweep file.
    ///
    /// - Throws: Why the file cannot be read or parsed. What is wrong with its parameters is thrown by
    ///   ``expand(experiments:)``, all at once.
    public static func load(path: String) throws(ConfigError) -> SweepFile {
        try SweepFile(SourceNode.parse(path: path), source: path)
    }

    /// Reads a sweep from YAML text.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - source: What messages call it.
    /// - Returns: The sweep.
    /// - Throws: Why the text cannot be parsed.
    public static func load(yaml text: String, source: String) throws(ConfigError) -> SweepFile {
        try SweepFile(SourceNode.parse(yaml: text, source: source), source: source)
    }

    private init(_ root: SourceNode, source: String) throws(ConfigError) {
        var reader = SweepReader(source: source)
        guard case .map(let entries) = root.content, !entries.isEmpty else {
            let reason =
                "found \(root.value), expected a mapping of 'global' and experiment names to parameters"
            reader.report(.sweepForm(reason), path: "", at: root.place)
            throw ConfigError(reader.problems)
        }
        var global: [Parameter] = []
        var sections: [Section] = []
        for entry in entries {
            let parameters = reader.section(entry)
            if entry.key == Self.globalName {
                global = parameters
            } else {
                sections.append(Section(name: entry.key, place: entry.place, parameters: parameters))
            }
        }
        self.source = source
        self.global = global
        self.sections = sections
        problems = reader.problems
    }
}

/// Reads the sections of a sweep file into parameters.
private struct SweepReader {
    let source: String
    private(set) var problems: [ConfigProblem] = []

    init(source: String) {
        self.source = source
    }

    mutating func report(_ cause: ConfigProblem.Cause, path: String, at place: SourcePlace?) {
        guard problems.count < ConfigError.limit else { return }
        problems.append(ConfigProblem(source: source, place: place, path: path, cause: cause))
    }

    mutating func section(_ entry: SourceNode.Entry) -> [SweepFile.Parameter] {
        guard case .map(let inner) = entry.value.content, !inner.isEmpty else {
            let reason = "found \(entry.value.value), expected a mapping of parameters"
            report(.sweepForm(reason), path: entry.key, at: entry.place)
            return []
        }
        var parameters: [SweepFile.Parameter] = []
        for child in inner {
            guard child.key != "values" else {
                let reason = "'values' belongs inside a parameter, such as 'seed: {values: [0, 1]}'"
                report(.sweepForm(reason), path: entry.key, at: child.place)
                continue
            }
            read(child, path: child.key, section: entry.key, into: &parameters)
        }
        return parameters
    }

    /// Reads what stands at one path: a parameter, or a mapping of deeper ones.
    private mutating func read(
        _ entry: SourceNode.Entry, path: String, section: String, into parameters: inout [SweepFile.Parameter]
    ) {
        let filePath = section + "." + path
        guard case .map(let inner) = entry.value.content else {
            report(.sweepForm(bareValue(entry.value.value)), path: filePath, at: entry.place)
            return
        }
        if let values = inner.first(where: { $0.key == "values" }) {
            if let other = inner.first(where: { $0.key != "values" }) {
                let reason = "has '\(other.key)' beside 'values'; a parameter takes 'values: [...]' alone"
                report(.sweepForm(reason), path: filePath, at: other.place)
                return
            }
            guard let list = list(values, filePath: filePath) else { return }
            guard !parameters.contains(where: { $0.path == path }) else {
                report(.duplicateKey(path), path: filePath, at: entry.place)
                return
            }
            parameters.append(
                SweepFile.Parameter(path: path, filePath: filePath, place: entry.place, values: list))
            return
        }
        if inner.isEmpty {
            let reason = "is an empty mapping; a parameter takes 'values: [...]'"
            report(.sweepForm(reason), path: filePath, at: entry.place)
        }
        if ExperimentConfig.isParameter(path) {
            for other in inner {
                let reason = "'\(other.key)' means nothing here; a parameter takes 'values: [...]'"
                report(.sweepForm(reason), path: filePath, at: other.place)
            }
            return
        }
        for child in inner {
            read(child, path: path + "." + child.key, section: section, into: &parameters)
        }
    }

    private mutating func list(_ values: SourceNode.Entry, filePath: String) -> [SourceNode]? {
        guard case .list(let items) = values.value.content else {
            let reason = "found \(values.value.value), expected a list such as [\(values.value.value)]"
            report(.sweepForm(reason), path: filePath + ".values", at: values.place)
            return nil
        }
        if items.isEmpty {
            let reason = "is empty; a parameter needs at least one value"
            report(.sweepForm(reason), path: filePath + ".values", at: values.place)
            return nil
        }
        var isSound = true
        for (index, item) in items.enumerated() {
            guard case .map = item.content else { continue }
            let reason =
                "found \(item.value), expected a value; name the keys inside a parameter each by itself"
            report(.sweepForm(reason), path: filePath + ".values[\(index)]", at: item.place)
            isSound = false
        }
        return isSound ? items : nil
    }

    private func bareValue(_ value: ConfigValue) -> String {
        if case .list = value { return "is a bare list; write 'values: \(value)'" }
        return "is a bare value; write 'values: [\(value)]'"
    }
}

extension ExperimentConfig {
    /// Whether a dotted path names a key that holds one value, whatever the task.
    fileprivate static func isParameter(_ path: String) -> Bool { parameterPaths.contains(path) }

    /// The dotted paths of all keys that hold one value, over all tasks, in order.
    static let parameterPaths: [String] = {
        let paths = TaskConfig.Kind.allCases.map { kind in
            var config = ExperimentConfig()
            config.taskConfig = TaskConfig(kind: kind)
            return fields.paths(in: config)
        }
        var seen: Set<String> = []
        return paths.joined().filter { seen.insert($0).inserted }
    }()
}
