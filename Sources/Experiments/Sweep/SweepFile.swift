/// A sweep file: which values the parameters of which experiments take.
///
/// Parameters go under `global:` or under an experiment's name, nested as in the config or joined with
/// dots. A parameter is a mapping: of `values`, one of which a spec takes; or, for random search, of a
/// distribution as Weights & Biases' sweep files write it. Parameters below `zip:` vary together.
public struct SweepFile: Sendable {
    /// What one parameter takes.
    struct Parameter: Sendable {
        /// The dotted path in the config.
        let path: String
        /// The dotted path in the sweep file.
        let filePath: String
        let place: SourcePlace?
        let choice: ParameterChoice
    }

    /// Parameters that vary together: those of a `zip`, or one alone.
    struct Group: Sendable {
        let parameters: [Parameter]
    }

    /// The parameters under one name.
    struct Section: Sendable {
        let name: String
        let place: SourcePlace?
        let groups: [Group]
        /// What is wrong with its form, if it may be there for its anchors only: `x-base: &base …`, `.base: &base …`.
        var problemsOfHolder: [ConfigProblem]?
    }

    /// How values are combined.
    enum Method: String, CaseIterable {
        /// Every combination.
        case grid
        /// As many samples as the user asks for.
        case random
        /// As many as the user asks for, each chosen by what the earlier ones have reached.
        case bayes
    }

    /// The file, as messages call it.
    public let source: String
    /// The source text, with which a search is stored.
    let text: String
    /// The method that the file asks for, and where.
    let method: (name: Method, place: SourcePlace?)?
    let global: [Group]
    let sections: [Section]
    /// Which runs are better, which end early, how many there may be.
    let results: ResultSettings
    /// Mistakes in the file's form, reported together with those in its values.
    let problems: [ConfigProblem]

    /// Valid but probably unintended settings: for people, before anything runs.
    public var doubts: [ConfigProblem] {
        let sections = sections.filter { $0.problemsOfHolder == nil }
        return (global + sections.flatMap(\.groups)).flatMap(\.parameters).compactMap { parameter in
            guard case .drawn(let distribution, _) = parameter.choice, let doubt = distribution.doubt else {
                return nil
            }
            return ConfigProblem(
                source: source, place: parameter.place, path: parameter.filePath, cause: .sweepForm(doubt))
        }
    }
}

extension SweepFile {
    static let globalName = "global"
    static let methodName = "method"

    /// Reads a sweep file.
    ///
    /// - Throws: Why the file cannot be read or parsed. What is wrong with its parameters is thrown by
    ///   `expand(experiments:sampling:)`, all at once.
    public static func load(path: String) throws(ConfigError) -> SweepFile {
        try load(yaml: SourceNode.text(ofFile: path), source: path)
    }

    /// Reads a sweep from YAML text.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - source: What messages call it.
    /// - Returns: The sweep.
    /// - Throws: Why the text cannot be parsed.
    public static func load(yaml text: String, source: String) throws(ConfigError) -> SweepFile {
        try SweepFile(SourceNode.parse(yaml: text, source: source), text: text, source: source)
    }

    private init(_ root: SourceNode, text: String, source: String) throws(ConfigError) {
        var reader = SweepReader(source: source)
        guard case .map(let entries) = root.content, !entries.isEmpty else {
            let reason = "found \(root.value), expected a mapping of 'global' and experiment names to parameters"
            reader.report(.sweepForm(reason), path: "", at: root.place)
            throw ConfigError(reader.problems)
        }
        if let problem = ForeignFile.problem(with: root, readAs: .sweep, source: source) {
            throw ConfigError([problem])
        }
        var method: (Method, SourcePlace?)?
        var results = ResultSettingsReader(reader)
        for entry in entries where ResultSettingsReader.reads(entry) { results.read(entry) }
        reader = results.reader
        var global: [Group] = []
        var sections: [Section] = []
        for entry in entries {
            switch entry.key {
            case Self.methodName: method = reader.method(entry).map { ($0, entry.place) }
            case Self.globalName: global = reader.section(entry)
            case SweepReader.zipKey:
                reader.report(
                    .sweepForm("belongs inside 'global' or an experiment"), path: entry.key, at: entry.place)
            case SweepReader.wandbKey:
                reader.report(.sweepForm("is called 'global' here"), path: entry.key, at: entry.place)
            case _ where ResultSettingsReader.reads(entry): break
            case _ where ForeignFile.isOfWandB(entry):
                let reason = "belongs to W&B's sweep files and means nothing here; leave it out"
                reader.report(.sweepForm(reason), path: entry.key, at: entry.place)
            case _ where SweepReader.isParameter(entry):
                let reason = "is a parameter; put it below 'global:', or below an experiment's name"
                reader.report(.sweepForm(reason), path: entry.key, at: entry.place)
            case _ where ["x-", "."].contains(where: entry.key.hasPrefix) && text.contains("*"):
                // As in other programs' files; an experiment may have that name, too.
                var apart = SweepReader(source: source)
                let groups = apart.section(entry)
                sections.append(
                    Section(
                        name: entry.key, place: entry.place, groups: groups, problemsOfHolder: apart.problems))
            default:
                sections.append(Section(name: entry.key, place: entry.place, groups: reader.section(entry)))
            }
        }
        (self.source, self.text) = (source, text)
        self.method = method
        self.results = results.settings
        self.global = global
        self.sections = sections
        problems = reader.problems
    }
}
