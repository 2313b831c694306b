/// One key of a config: its name, what it takes, and the property that holds it.
///
/// The list of a type's fields is the only place where keys, properties and rules meet; loading, writing
/// and setting a single path all follow it.
struct Field<Root: Sendable>: Sendable {
    let key: String
    /// Older spellings that are read and never written.
    let aliases: [String]
    let isRequired: Bool
    let allowed: String
    let read: @Sendable (SourceNode, inout Root, inout Reader) -> Void
    /// What is written for the key; nil leaves it out.
    let write: @Sendable (Root) -> ConfigValue?
    /// The keys inside, if the key holds a mapping; what they are may depend on what is there.
    let inside: (@Sendable (Root) -> [Field<Root>])?
}

extension Field {
    /// A key that holds one value.
    init<T>(
        _ key: String, _ property: any WritableKeyPath<Root, T> & Sendable, _ rule: Rule<T>,
        aliases: [String] = [], isRequired: Bool = false, isLeftOutIfNull: Bool = false
    ) {
        self.init(
            key: key, aliases: aliases, isRequired: isRequired, allowed: rule.allowed,
            read: { node, root, reader in
                if let value = rule.read(node.value) {
                    root[keyPath: property] = value
                } else {
                    reader.report(rule.refusal(of: node.value), at: node.place)
                }
            },
            write: {
                let value = rule.write($0[keyPath: property])
                return isLeftOutIfNull && value == .null ? nil : value
            }, inside: nil)
    }

    /// A key that holds one value or null.
    init<T>(
        _ key: String, _ property: any WritableKeyPath<Root, T?> & Sendable, _ rule: Rule<T>,
        isLeftOutIfNull: Bool = false
    ) {
        self.init(key, property, rule.orNull, isLeftOutIfNull: isLeftOutIfNull)
    }

    /// A key that holds a mapping with keys of its own.
    static func section<Inner>(
        _ key: String, _ property: any WritableKeyPath<Root, Inner> & Sendable, _ fields: [Field<Inner>],
        aliases: [String] = []
    ) -> Field {
        let lifted = fields.map { $0.lifted(to: property) }
        return Field(
            key: key, aliases: aliases, isRequired: true, allowed: "a mapping of keys",
            read: { node, root, reader in reader.read(node, fields: lifted, into: &root) },
            write: { .map(lifted.entries(of: $0)) }, inside: { _ in lifted })
    }

    /// The same key, seen from the type that holds this one.
    func lifted<Outer>(to property: any WritableKeyPath<Outer, Root> & Sendable) -> Field<Outer> {
        let liftedInside: (@Sendable (Outer) -> [Field<Outer>])? =
            if let inside {
                { outer in inside(outer[keyPath: property]).map { $0.lifted(to: property) } }
            } else {
                nil
            }
        return Field<Outer>(
            key: key, aliases: aliases, isRequired: isRequired, allowed: allowed,
            read: { node, outer, reader in read(node, &outer[keyPath: property], &reader) },
            write: { outer in write(outer[keyPath: property]) }, inside: liftedInside)
    }
}

extension Array {
    /// Every key with its value, in order.
    func entries<Root>(of root: Root) -> [ConfigValue.Entry] where Element == Field<Root> {
        compactMap { field in field.write(root).map { ConfigValue.Entry(field.key, $0) } }
    }

    /// The field that a key names.
    func named<Root>(_ key: String) -> Field<Root>? where Element == Field<Root> {
        first { $0.key == key || $0.aliases.contains(key) }
    }

    /// The dotted paths of the keys that hold one value each.
    func paths<Root>(in root: Root) -> [String] where Element == Field<Root> {
        flatMap { field in
            guard let inside = field.inside else { return [field.key] }
            return inside(root).paths(in: root).map { field.key + "." + $0 }
        }
    }

    /// The field at a dotted path.
    func field<Root>(at path: String, in root: Root) -> Field<Root>? where Element == Field<Root> {
        guard let dot = path.firstIndex(of: ".") else { return named(path) }
        guard let inside = named(String(path[..<dot]))?.inside else { return nil }
        return inside(root).field(at: String(path[path.index(after: dot)...]), in: root)
    }
}

/// Reads documents into configs and collects what is wrong with them.
struct Reader {
    let source: String
    private(set) var problems: [ConfigProblem] = []
    private var path: [String] = []

    init(source: String, path: [String] = []) {
        self.source = source
        self.path = path
    }

    private var isFull: Bool { problems.count >= ConfigError.limit }

    /// Records a problem with the key that is being read.
    mutating func report(_ cause: ConfigProblem.Cause, at place: SourcePlace?, key: String? = nil) {
        guard !isFull else { return }
        let keys = path + (key.map { [$0] } ?? [])
        problems.append(
            ConfigProblem(source: source, place: place, path: keys.joined(separator: "."), cause: cause))
    }

    /// Reads a mapping key by key.
    mutating func read<Root>(_ node: SourceNode, fields: [Field<Root>], into root: inout Root) {
        guard case .map(let entries) = node.content else {
            let found = node.value.description
            report(.invalid(found: found, allowed: "a mapping of keys"), at: node.place)
            return
        }
        var spellings: [String: String] = [:]
        for entry in entries where !isFull {
            guard let field = fields.named(entry.key) else {
                let known = fields.map(\.key)
                let nearest = Spelling.nearest(to: entry.key, among: known)
                let cause = ConfigProblem.Cause.unknownKey(
                    nearest: nearest, known: known.count <= 15 ? known : [])
                report(cause, at: entry.place, key: String(entry.key.prefix(80)))
                continue
            }
            if let other = spellings.updateValue(entry.key, forKey: field.key) {
                report(
                    .conflict("is given twice, once as \(other); keep one"), at: entry.place, key: entry.key
                )
                continue
            }
            path.append(entry.key)
            field.read(entry.value, &root, &self)
            path.removeLast()
        }
        for field in fields where field.isRequired && spellings[field.key] == nil {
            report(.missing(allowed: field.allowed), at: node.place, key: field.key)
        }
    }

    /// Throws what has been collected, if anything.
    func finish() throws(ConfigError) {
        if !problems.isEmpty { throw ConfigError(problems) }
    }
}
