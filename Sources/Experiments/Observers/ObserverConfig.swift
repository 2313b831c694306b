/// A program of the user's that looks at a run's tensors now and then: one entry of `observers`.
public struct ObserverConfig: Sendable, Hashable {
    /// A tensor that it is given.
    public enum Need: String, Sendable, CaseIterable {
        case batch
        case targetOut = "target_out"
        case outUnmasked = "out_unmasked"
        case outMasked = "out_masked"
        case ci
        case ciUpper = "ci_upper"
        case V
        case U
        case W
    }

    /// The program's file.
    public internal(set) var run = ""
    /// Files that are next to it when it is run.
    public internal(set) var files: [String] = []
    /// What it is given.
    public internal(set) var needs: [Need] = [.ci]
    /// Steps between calls; nil for every logged step.
    public internal(set) var every: Int?
    /// How long it may take to answer, in seconds.
    public internal(set) var timeout = 60.0
    /// How much memory it may have, in GB.
    public internal(set) var memoryGB = 8.0
    /// The digest of the file and those next to it, once they were copied.
    public internal(set) var digest: String?

    init() {}

    /// The name in its files and messages: the program's file without folder and extension.
    public var name: String {
        let file = run.split(separator: "/").last.map(String.init) ?? run
        guard let dot = file.lastIndex(of: "."), dot > file.startIndex else { return file }
        return String(file[..<dot])
    }
}

extension ObserverConfig {
    static let fields: [Field<ObserverConfig>] = [
        Field("run", \.run, .name, isRequired: true),
        Field("files", \.files, .list("a list of files", of: .name)),
        Field("needs", \.needs, .nonEmptyList("a list of " + Rule<Need>.word().allowed, of: .word())),
        Field("every", \.every, .positiveInt),
        Field("timeout", \.timeout, .number("a number of seconds from 0.1 to 86400") { (0.1...86400).contains($0) }),
        Field("memory_gb", \.memoryGB, .number("a number of GB from 0.05 to 4096") { (0.05...4096).contains($0) }),
        Field("digest", \.digest, .name, isLeftOutIfNull: true),
    ]
}

extension Field {
    /// The key `observers`, a list of mappings.
    static func observers(_ property: any WritableKeyPath<Root, [ObserverConfig]> & Sendable) -> Field {
        let allowed = "a list of programs, such as [{run: ./my_observer.py, needs: [ci]}]"
        return Field(
            key: "observers", aliases: [], isRequired: false, allowed: allowed,
            read: { node, root, reader in
                root[keyPath: property] = []
                if node.value == .null { return }
                guard case .list(let items) = node.content, items.count <= 8 else {
                    reader.report(
                        .invalid(found: node.value.description, allowed: allowed + ", of up to 8"), at: node.place)
                    return
                }
                for item in items {
                    var observer = ObserverConfig()
                    reader.read(item, fields: ObserverConfig.fields, into: &observer)
                    root[keyPath: property].append(observer)
                }
            },
            write: { root in
                let observers = root[keyPath: property]
                return observers.isEmpty ? nil : .list(observers.map { .map(ObserverConfig.fields.entries(of: $0)) })
            }, inside: nil)
    }
}

extension ExperimentConfig {
    /// After how many steps an observer is called again.
    public func interval(of observer: ObserverConfig) -> Int { observer.every ?? printFreq }

    /// What is wrong with the observers on their own.
    var observerConflicts: [Conflict] {
        var conflicts: [Conflict] = []
        func refuse(_ reason: String) { conflicts.append(Conflict(key: "observers", reason: reason)) }
        for (index, observer) in observers.enumerated() {
            if !interval(of: observer).isMultiple(of: printFreq) {
                refuse(
                    "\(observer.name): every is \(interval(of: observer)), no multiple of print_freq \(printFreq); "
                        + "what it says goes into a logged row")
            }
            let isPlain = observer.name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) }
            if !isPlain || observer.name.isEmpty {
                refuse("\(observer.run): expected a file name of letters, digits, _ and -")
            }
            if observers[..<index].contains(where: { $0.name == observer.name }) {
                refuse("two observers are named \(observer.name); rename one of their files")
            }
            let missing = observer.needs.filter { [.targetOut, .outUnmasked, .outMasked].contains($0) }
            if taskConfig.hasTokens, let first = missing.first {
                refuse(
                    "\(observer.name): needs \(first.rawValue), and a language model's logits are never stored whole")
            }
        }
        return conflicts
    }

    /// The config with its observers' files known by their digest, and by no folder of a machine's.
    public func settingObservers(_ digests: [String]) -> ExperimentConfig {
        var config = self
        for (index, digest) in zip(observers.indices, digests) {
            config.observers[index].digest = digest
            config.observers[index].run = Self.fileName(observers[index].run)
            config.observers[index].files = observers[index].files.map(Self.fileName)
        }
        return config
    }

    private static func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
