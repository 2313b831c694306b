import Foundation
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// Where settings come from, and that the key goes nowhere else.
struct SettingsTests {
    private let scratch: TemporaryFolder
    private let key = String(repeating: "a", count: 40)

    init() throws { scratch = try TemporaryFolder() }

    private func write(_ text: String, to name: String) throws {
        try text.write(toFile: scratch.path + "/" + name, atomically: true, encoding: .utf8)
    }

    private func read(_ environment: [String: String]) throws -> WandBSettings {
        try WandBSettings.read(
            environment: environment, workingDirectory: scratch.path, homeDirectory: scratch.path)
    }

    @Test func withoutAKeyRunsStayOffline() throws {
        let settings = try read([:])
        #expect(settings.offlineReason == "no WANDB_API_KEY is set")
        #expect(settings.baseURL == "https://api.forge.coreweave.com")
    }

    @Test func theEnvironmentGoesBeforeTheDotEnvFile() throws {
        try write(
            """
            # credentials
            export WANDB_API_KEY="\(key)"
            WANDB_PROJECT='my project' # a comment
            WANDB_ENTITY=lab # a comment
            WANDB_TAGS=a, b ,c

            """, to: ".env")
        let settings = try read(["WANDB_ENTITY": "team", "WANDB_MODE": ""])
        #expect(settings.apiKey == (try APIKey(key)))
        #expect(settings.project == "my project")
        #expect(settings.entity == "team")
        #expect(settings.tags == ["a", "b", "c"])
        #expect(settings.offlineReason == nil)
    }

    @Test(arguments: ["machine api.wandb.ai", "machine api.forge.coreweave.com"])
    func netrcHoldsTheDefaultServersKeyUnderEitherName(machine: String) throws {
        try write(
            "machine other login user password no\n\(machine)\n  login user\n  password \(key)\n",
            to: ".netrc")
        #expect(try read([:]).apiKey == (try APIKey(key)))
        #expect(try read(["WANDB_BASE_URL": "https://elsewhere.example"]).apiKey == nil)
    }

    @Test func aNetrcNamedByTheEnvironmentIsTheOnlyOne() throws {
        try write("machine api.wandb.ai login user password \(key)\n", to: ".netrc")
        try write("machine localhost:8080 login user password \(key)\n", to: "mine")
        let named = ["NETRC": scratch.path + "/mine"]
        #expect(try read(named).apiKey == nil)
        #expect(try read(named.merging(["WANDB_BASE_URL": "http://localhost:8080/"]) { $1 }).apiKey != nil)
    }

    @Test func netrcsDefaultEntryCountsIfItHoldsAKey() throws {
        try write("machine elsewhere login u password no\ndefault login u password '\(key)'\n", to: ".netrc")
        #expect(try read([:]).apiKey == (try APIKey(key)))
        try write("default login anonymous password me@example.com\n", to: ".netrc")
        #expect(try read([:]).apiKey == nil)
        #expect(try read(["NETRC": "~/.netrc"]).apiKey == nil)
    }

    @Test func theSettingsThatWandBsClientKeepsComeLast() throws {
        let folder = scratch.path + "/.config/wandb"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let text =
            "[other]\nentity = no\n[default]\nbase_url = https://wandb.lab.example\nentity = lab\nmode = offline\n"
        try write(text + "api_key = \(key)\n", to: ".config/wandb/settings")
        let settings = try read(["WANDB_MODE": "online"])
        #expect(settings.baseURL == "https://wandb.lab.example")
        #expect(settings.entity == "lab")
        #expect(settings.mode == .online)
        #expect(settings.apiKey == (try APIKey(key)))
        #expect(try read(["WANDB_BASE_URL": "https://elsewhere.example"]).apiKey == nil, "the key is another server's")
    }

    @Test func whatIsNotSupportedIsRefusedWithAnAlternative() throws {
        let error = #expect(throws: WandBSettingsError.self) { try read(["WANDB_IDENTITY_TOKEN_FILE": "/token"]) }
        #expect(
            error?.description
                == "WANDB_IDENTITY_TOKEN_FILE is set, which is not supported; use WANDB_API_KEY, and unset it")
        #expect(throws: WandBSettingsError.self) { try read(["WANDB_MODE": "shared"]) }
    }

    @Test func thePagesOwnProxyIsNotTheServersAddress() throws {
        #expect(
            try read(["WANDB_BASE_URL": "https://forge.coreweave.com/api/wandb/"]).baseURL
                == WandBSettings.defaultBaseURL)
    }

    @Test(arguments: [
        ("https://api.wandb.ai", "https://wandb.ai"),
        ("https://api.forge.coreweave.com/", "https://forge.coreweave.com/wandb"),
        ("https://api.example.com", "https://app.example.com"),
        ("http://localhost:8080", "http://localhost:8080"),
    ]) func theWebPagesAddressFollowsFromTheServers(base: String, app: String) throws {
        #expect(try read(["WANDB_BASE_URL": base]).appURL == app)
    }

    @Test(arguments: ["ftp://x", "api.wandb.ai", "https://user:secret@host", "https://host?x=1", ""])
    func whatIsNoServersAddressIsRefused(base: String) throws {
        let error = #expect(throws: WandBSettingsError.self) { try BaseURL(base) }
        #expect(error?.description.contains("secret") == false)
    }

    @Test func anUnknownModeSuggestsTheNearest() throws {
        let error = #expect(throws: WandBSettingsError.unknownMode("offlin")) {
            try read(["WANDB_MODE": "offlin"])
        }
        #expect(error?.description.contains("did you mean 'offline'?") == true)
    }

    @Test(arguments: [
        "0123456789abcdef0123456789abcdef01234567", "local-0123456789abcdef0123456789abcdef01234567",
        "wandb_v1_" + String(repeating: "x", count: 70), "eyJ.eyJ-_.sig",
    ]) func keysOfEveryKindAreTaken(key: String) throws {
        #expect(try APIKey(key).authorization == "Basic " + Data("api:\(key)".utf8).base64EncodedString())
    }

    @Test(arguments: [
        "short", " 0123456789abcdef0123456789abcdef01234567", "0123456789abcdef0123456789abcdef0123456!",
    ])
    func keysOfNoKindAreRefusedWithoutBeingShown(key: String) throws {
        let error = #expect(throws: WandBSettingsError.self) { try APIKey(key) }
        #expect(error?.description.contains(key.trimmingCharacters(in: .whitespaces)) == false)
    }

    @Test func noDescriptionShowsTheKey() throws {
        var settings = WandBSettings()
        settings.apiKey = try APIKey(StandInBackend.key)
        var dumped = ""
        dump(settings, to: &dumped)
        let shown = ["\(settings)", String(reflecting: settings), dumped, "\(settings.apiKey as Any)"]
        for text in shown { #expect(!text.contains(StandInBackend.key)) }
        let key = try APIKey(StandInBackend.key)
        #expect(key.redacted(from: "no key \(StandInBackend.key)!") == "no key <hidden>!")
    }

    @Test func namesThatWandBWouldRefuseAreRefusedHere() throws {
        #expect(throws: WandBSettingsError.self) { try RunDescription(id: "a/b", project: "p") }
        #expect(throws: WandBSettingsError.self) { try RunDescription(id: "a", project: "p/q") }
        #expect(throws: WandBSettingsError.self) { try RunDescription(id: "a", project: "p", tags: [""]) }
        #expect(throws: WandBSettingsError.self) { try RunDescription(id: "a", project: "p", config: "[1]") }
        #expect(throws: WandBSettingsError.self) { try read(["WANDB_PROJECT": "a#b"]) }
    }

    @Test func partsOfAnAddressArePercentEncoded() throws {
        #expect(
            BaseURL.join("https://h", ["files", "a b", "p/ü", "r?"])
                == "https://h/files/a%20b/p%2F%C3%BC/r%3F")
    }
}
