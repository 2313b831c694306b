extension SweepFile {
    /// A sweep in which some keys have one value for every spec, as `--set key=value` gives them.
    ///
    /// - Parameters:
    ///   - pairs: Each a dotted path or as much of its end as no other has, `=`, and a value as YAML has it.
    ///   - sweep: What else varies.
    /// - Returns: The sweep with those values, which come first.
    /// - Throws: Pairs that are none, unknown keys, keys that are given twice or vary in the sweep.
    public static func setting(_ pairs: [String], in sweep: SweepFile?) throws(ConfigError) -> SweepFile {
        var reader = SweepReader(source: option)
        var groups: [Group] = []
        for pair in pairs {
            guard let (path, value) = try Self.setting(pair, &reader) else { continue }
            if sweep?.varies(path) == true {
                reader.report(
                    .sweepForm("varies in \(sweep?.source ?? "the sweep"); set it there"), path: path, at: nil)
            }
            if groups.contains(where: { $0.parameters[0].path == path }) {
                reader.report(.duplicateKey(path), path: path, at: nil)
            }
            let choice = ParameterChoice.values([value], probabilities: nil)
            groups.append(
                Group(parameters: [Parameter(path: path, filePath: path, place: nil, choice: choice)]))
        }
        guard reader.problems.isEmpty else { throw ConfigError(reader.problems) }
        return SweepFile(
            source: sweep?.source ?? option, text: sweep?.text ?? "", method: sweep?.method,
            global: groups + (sweep?.global ?? []), sections: sweep?.sections ?? [],
            results: sweep?.results ?? ResultSettings(), problems: sweep?.problems ?? [])
    }

    /// Pairs together with earlier ones that still hold: a pair and the sweep go before an earlier pair for the same key.
    ///
    /// - Throws: Pairs that are none, unknown keys.
    public static func settings(
        _ pairs: [String], after earlier: [String], in sweep: SweepFile?
    ) throws(ConfigError) -> [String] {
        guard !earlier.isEmpty else { return pairs }
        var chosen: Set<String> = []
        for pair in pairs { chosen.insert(try Self.pair(pair).path) }
        var standing: [String] = []
        for pair in earlier {
            let path = try Self.pair(pair).path
            if !chosen.contains(path), sweep?.varies(path) != true { standing.append(pair) }
        }
        return standing + pairs
    }

    private func varies(_ path: String) -> Bool {
        (global + sections.flatMap(\.groups)).contains { $0.parameters.contains { $0.path == path } }
    }

    /// What messages call the pairs.
    private static let option = "--set"

    /// The dotted path and the value of a pair.
    ///
    /// - Throws: A pair that is none, an unknown key, a value that is not YAML.
    public static func pair(_ text: String) throws(ConfigError) -> (path: String, value: ConfigValue) {
        var reader = SweepReader(source: option)
        guard let (path, value) = try setting(text, &reader) else { throw ConfigError(reader.problems) }
        return (path, value.value)
    }

    private static func setting(
        _ pair: String, _ reader: inout SweepReader
    ) throws(ConfigError) -> (path: String, value: SourceNode)? {
        guard let sign = pair.firstIndex(of: "="), sign != pair.startIndex else {
            reader.report(.sweepForm("expected KEY=VALUE, such as lr=0.001"), path: pair, at: nil)
            return nil
        }
        let name = pair[..<sign].trimmed
        let text = String(pair[pair.index(after: sign)...])
        guard let path = path(of: name, &reader) else { return nil }
        guard let value = try SourceNode.parseIfNotEmpty(yaml: text, source: "\(option) \(name)") else {
            reader.report(.sweepForm("has no value; null is written out"), path: name, at: nil)
            return nil
        }
        return (path, SourceNode(value.value))
    }

    /// The path that a name means: its own, or the only one that ends in it.
    private static func path(of name: String, _ reader: inout SweepReader) -> String? {
        let known = ExperimentConfig.parameterPaths
        if known.contains(name) { return name }
        let ends = known.filter { $0.hasSuffix("." + name) }
        if ends.count == 1 { return ends[0] }
        let nearest = ends.first ?? Spelling.nearest(to: name, among: known)
        reader.report(.unknownName(kind: "key", name: name, nearest: nearest, known: []), path: name, at: nil)
        return nil
    }
}

extension Substring {
    fileprivate var trimmed: String {
        var rest = drop { $0 == " " }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
