import JSON

/// What W&B shows about a run besides its numbers; fixed from the moment the run's spec is stored.
public struct RunDescription: Sendable, Equatable, Codable {
    /// The run's id, the last part of its page's address.
    public var id: String
    /// The user or team it belongs to, or nil for the account's default.
    public var entity: String?
    /// The project it belongs to.
    public var project: String
    /// The name shown in tables.
    public var displayName: String?
    /// The whole config as the text of a JSON object.
    public var config: String
    /// Tags, 1 to 64 characters each.
    public var tags: [String]
    /// The group it is shown in.
    public var group: String?
    /// The job type.
    public var jobType: String?
    /// Notes, Markdown.
    public var notes: String?
    /// The machine it runs on.
    public var host: String?
    /// The program that runs it.
    public var program: String?
    /// The git commit it was made from.
    public var commit: String?
    /// The address of the repository that the commit is in.
    public var repository: String?

    /// The longest tag that W&B takes, in characters.
    public static let maximumTagLength = 64

    /// Checks W&B's rules for ids, projects and tags.
    ///
    /// - Throws: `WandBSettingsError` that names the part, or says why the config is not a JSON object.
    public init(
        id: String, entity: String? = nil, project: String, displayName: String? = nil, config: String = "{}",
        tags: [String] = [], group: String? = nil, jobType: String? = nil, notes: String? = nil,
        host: String? = nil, program: String? = nil, commit: String? = nil, repository: String? = nil
    ) throws(WandBSettingsError) {
        self.id = try Self.checkedID(id)
        self.entity = entity
        self.project = try Self.checkedProject(project)
        self.displayName = displayName
        self.config = try Self.checkedConfig(config)
        var checked: [String] = []
        for tag in tags { checked.append(try Self.checkedTag(tag)) }
        self.tags = checked
        self.group = group
        self.jobType = jobType
        self.notes = notes
        self.host = host
        self.program = program
        self.commit = commit
        self.repository = repository.map(Self.withoutCredentials)
    }

    /// An address as others may see it: `https://user:token@host/…` shows no more than `https://host/…`.
    private static func withoutCredentials(_ address: String) -> String {
        let parts = address.split(separator: "://", maxSplits: 1)
        guard parts.count == 2, let at = parts[1].prefix(while: { $0 != "/" }).lastIndex(of: "@") else {
            return address
        }
        return "\(parts[0])://\(parts[1][parts[1].index(after: at)...])"
    }

    static func checkedID(_ id: String) throws(WandBSettingsError) -> String {
        guard !id.isEmpty, !id.contains(where: { ":;,#?/'".contains($0) }),
            id.first?.isWhitespace == false, id.last?.isWhitespace == false
        else {
            throw .badName(
                setting: "the run id", value: id, reason: "it must not be empty or hold any of :;,#?/'")
        }
        return id
    }

    static func checkedProject(_ project: String) throws(WandBSettingsError) -> String {
        guard !project.isEmpty, project.count <= 128, !project.contains(where: { "/\\#?%:".contains($0) })
        else {
            throw .badName(
                setting: "the W&B project", value: project,
                reason: "a project's name has 1 to 128 characters and none of /\\#?%:")
        }
        return project
    }

    static func checkedEntity(_ entity: String) throws(WandBSettingsError) -> String {
        guard !entity.contains(where: { $0.isWhitespace || "/\\#?%:=".contains($0) }) else {
            throw .badName(
                setting: "WANDB_ENTITY", value: entity,
                reason: "a user's or team's name has no white space and none of /\\#?%:=")
        }
        return entity
    }

    static func checkedTag(_ tag: String) throws(WandBSettingsError) -> String {
        guard (1...maximumTagLength).contains(tag.count) else {
            throw .badName(setting: "the W&B tag", value: tag, reason: "a tag has 1 to \(maximumTagLength) characters")
        }
        return tag
    }

    private static func checkedConfig(_ config: String) throws(WandBSettingsError) -> String {
        let reason: String
        do {
            if case .object = try JSONValue(parsing: config) { return config }
            reason = "it must be a JSON object"
        } catch {
            reason = "\(error)"
        }
        throw .badName(setting: "the run's config", value: String(config.prefix(40)), reason: reason)
    }
}
