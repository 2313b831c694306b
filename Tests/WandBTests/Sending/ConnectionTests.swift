import Foundation
import HTTP
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

private let opensslProgram = "/usr/bin/openssl"

/// Servers behind a private authority or a proxy, and requests as a user's settings want them.
struct ConnectionTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    /// Runs openssl in the scratch folder.
    private func openssl(_ arguments: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: opensslProgram)
        process.arguments = arguments.split(separator: " ").map(String.init)
        process.currentDirectoryURL = URL(filePath: scratch.path)
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        return process
    }

    private func finish(_ process: Process) throws {
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    /// Starts a server whose certificate, for this machine, comes from an authority of its own, `ca.pem`.
    private func startServer() throws -> (process: Process, url: String) {
        let new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        try finish(openssl("req -x509 \(new) -subj /CN=lab -keyout ca.key -out ca.pem"))
        try finish(openssl("req \(new) -subj /CN=localhost -keyout server.key -out server.csr"))
        try "subjectAltName=IP:127.0.0.1\n".write(
            toFile: scratch.path + "/names", atomically: true, encoding: .utf8)
        try finish(
            openssl(
                "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem"
            ))
        let server = try openssl("s_server -accept 127.0.0.1:0 -cert server.pem -key server.key -www")
        let output = Pipe()
        server.standardOutput = output
        try server.run()
        var text = ""
        while !text.contains("ACCEPT"), let more = try output.fileHandleForReading.read(upToCount: 1) {
            text += String(decoding: more, as: UTF8.self)
        }
        var port = ""
        while let byte = try output.fileHandleForReading.read(upToCount: 1), byte != Data("\n".utf8) {
            port += String(decoding: byte, as: UTF8.self)
        }
        return (server, "https://127.0.0.1:\(try #require(port.split(separator: ":").last))/")
    }

    private func settings(_ environment: [String: String]) throws -> WandBSettings {
        try WandBSettings.read(
            environment: environment, workingDirectory: scratch.path, homeDirectory: scratch.path)
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: opensslProgram)))
    func aServerOfAPrivateAuthorityIsTrustedAsTheSettingsSay() throws {
        let (server, url) = try startServer()
        defer {
            // Tests' threads may block the signals that ask, and their children then do so too.
            kill(server.processIdentifier, SIGKILL)
            server.waitUntilExit()
        }
        let request = HTTPRequest(method: "GET", url: url)
        let error = #expect(throws: HTTPError.self) { try settings([:]).makeClient().send(request) }
        guard case .tls = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let folder = scratch.path + "/authorities"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let certificate = scratch.path + "/ca.pem"
        // Named by no hash, which OpenSSL alone would need.
        try FileManager.default.copyItem(atPath: certificate, toPath: folder + "/lab.crt")
        let ways = [
            ["SSL_CERT_FILE": certificate], ["SSL_CERT_DIR": "/nowhere:" + folder], ["REQUESTS_CA_BUNDLE": certificate],
            ["REQUESTS_CA_BUNDLE": folder], ["WANDB_INSECURE_DISABLE_SSL": "true"],
        ]
        for way in ways {
            let response = try settings(way).makeClient().send(request)
            #expect(response.status == 200, "\(way)")
        }
        try "SSL_CERT_FILE=\(certificate)\n".write(toFile: scratch.path + "/.env", atomically: true, encoding: .utf8)
        #expect(try settings([:]).makeClient().send(request).status == 200, "also from .env")
        #expect(throws: HTTPError.self) { try settings(["SSL_CERT_FILE": "/nowhere"]).makeClient().send(request) }
    }

    @Test func aFolderOfAuthoritiesThatCannotBeListedIsSaid() throws {
        // Nobody, root included, can list a link to itself, or read a folder as a file.
        let loop = scratch.path + "/loop"
        try FileManager.default.createSymbolicLink(atPath: loop + "-inner", withDestinationPath: loop + "-inner")
        #expect(try settings(["SSL_CERT_DIR": loop + "-inner"]).notices.contains { $0.contains("SSL_CERT_DIR") })
        let unread = scratch.path + "/unread"
        try FileManager.default.createDirectory(atPath: unread, withIntermediateDirectories: true)
        mkfifo(unread + "/lab.crt", 0o600)
        let notices = try settings(["SSL_CERT_DIR": unread]).notices
        #expect(notices.contains { $0.contains("lab.crt") }, "\(notices)")
    }

    @Test func whatIsUnsafeOrNotThereIsSaid() throws {
        #expect(
            try settings(["WANDB_INSECURE_DISABLE_SSL": "1", "SSL_CERT_FILE": "/nowhere"]).notices == [
                "SSL_CERT_FILE is ignored: there is no /nowhere",
                "WANDB_INSECURE_DISABLE_SSL is set: servers' certificates are not checked",
            ])
        #expect(try settings(["WANDB_INSECURE_DISABLE_SSL": "false"]).notices.isEmpty)
        #expect(throws: WandBSettingsError.self) { try settings(["WANDB_INSECURE_DISABLE_SSL": "maybe"]) }
    }

    @Test(arguments: ["HTTP_PROXY", "http_proxy", "WANDB_HTTP_PROXY"])
    func aProxyIsUsedInEverySpellingButForHostsWithout(name: String) throws {
        let proxy = try HangUpServer()
        defer { proxy.stop() }
        proxy.backend.inject { _, request in request.path.contains("wandb.invalid") ? .refuse(status: 418) : .none }
        let request = HTTPRequest(method: "GET", url: "http://wandb.invalid/graphql")
        #expect(try settings([name: proxy.baseURL]).makeClient().send(request).status == 418)
        let without = try settings([name: proxy.baseURL, "NO_PROXY": "other,.invalid"])
        #expect(throws: HTTPError.self) { try without.makeClient().send(request) }
        #expect(proxy.backend.requests == 1)
    }

    /// libcurl quotes what it does not understand, password and all.
    @Test(arguments: ["http://me:pa/ss#w0rd@127.0.0.1:9", "ftp://me:w0rd@127.0.0.1:9", "my w0rd"])
    func aProxysPasswordIsNotShown(proxy: String) throws {
        let client = try settings(["HTTP_PROXY": proxy]).makeClient()
        let error = #expect(throws: HTTPError.self) {
            try client.send(HTTPRequest(method: "GET", url: "http://wandb.invalid/graphql"))
        }
        let text = try #require(error?.description)
        #expect(!["pa/ss", "w0rd"].contains { text.contains($0) }, "\(text)")
    }

    @Test func furtherHeadersGoWithEveryRequest() throws {
        let server = try HangUpServer()
        defer { server.stop() }
        server.backend.inject { _, request in
            .refuse(status: request.headers["x-team"] == "a b" && request.headers["accept"] == "own" ? 418 : 500)
        }
        let settings = try settings(["WANDB__EXTRA_HTTP_HEADERS": #"{"X-Team": "a b", "accept": "theirs"}"#])
        let request = HTTPRequest(method: "GET", url: server.baseURL, headers: [("Accept", "own")])
        #expect(try settings.makeClient().send(request).status == 418)
    }

    @Test(arguments: ["nonsense", #"["a"]"#, #"{"a": 1}"#, #"{"a": "b\r\nc: d"}"#])
    func headersThatAreNoneAreRefusedAndNotShown(text: String) throws {
        let error = #expect(throws: WandBSettingsError.self) { try settings(["WANDB__EXTRA_HTTP_HEADERS": text]) }
        #expect(error?.description.contains(text) == false)
    }

    @Test func theAnswersTimeoutIsTheUsers() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { _, _ in .slow(.seconds(30)) }
        let settings = try settings(["WANDB_HTTP_TIMEOUT": "0.2", "WANDB_BASE_URL": server.baseURL])
        let key = try APIKey(StandInBackend.key)
        let isTimeout = try await blocking {
            let api = WandBAPI(settings: settings, key: key, client: try settings.makeClient(), pacing: SendPacing())
            return if case .failure(let failure) = api.account() {
                "\(failure)".contains("did not answer in time")
            } else {
                false
            }
        }
        #expect(isTimeout)
        #expect(throws: WandBSettingsError.self) { try self.settings(["WANDB_HTTP_TIMEOUT": "soon"]) }
    }

    @Test func runsAreAsQuietAsTheUserWants() throws {
        let settings = try settings([
            "WANDB_SILENT": "true", "WANDB_CONSOLE": "off", "WANDB_DISABLE_GIT": "1", "WANDB_MODE": "offline",
            "WANDB_IGNORE_GLOBS": "config.yaml,media/*", "WANDB_INSECURE_DISABLE_SSL": "true",
        ])
        #expect(settings.isSilent && !settings.tellsCommit && settings.notices.isEmpty)
        let notices = Notices()
        let run = try RunDescription.sample()
        let tracker = RunTracker(run: run, folder: scratch.spool, settings: settings, notify: { notices.add($0) })
        tracker.console("secret words")
        for name in ["a.txt", "media/b.txt", "media/deep/c.txt"] {
            try name.write(toFile: scratch.path + "/file", atomically: true, encoding: .utf8)
            tracker.upload(scratch.path + "/file", as: name)
        }
        _ = tracker.finish(exitCode: 0)
        #expect(notices.all.isEmpty)
        let files = try scratch.spooled("files.jsonl")
        #expect(files.contains("wandb-metadata.json") && files.contains(#""a.txt""#) && files.contains("deep"))
        #expect(!files.contains("config.yaml") && !files.contains(#"media\/b.txt"#) && !files.contains("media/b.txt"))
        #expect(try !scratch.contents().contains("secret words"))
        #expect(throws: WandBSettingsError.self) { try self.settings(["WANDB_CONSOLE": "loud"]) }
        let usual = try self.settings(["WANDB_CONSOLE": "wrap", "WANDB_DISABLE_GIT": "False"])
        #expect(usual.keepsConsole && usual.tellsCommit && !usual.isSilent)
    }

    @Test func whoKeepsCodeFromWandBKeepsItsChangesToo() throws {
        for variables in [
            ["WANDB_DISABLE_CODE": "true"], ["WANDB_SAVE_CODE": "false"], ["WANDB_DISABLE_GIT": "1"],
            ["WANDB_SAVE_CODE": "true", "WANDB_DISABLE_CODE": "1"],
        ] { #expect(try !settings(variables).tellsChanges, "\(variables)") }
        let told = try settings(["WANDB_DISABLE_CODE": "false", "WANDB_SAVE_CODE": "true"])
        #expect(told.tellsChanges && told.tellsCommit)
    }

    @Test func eachSettingIsAVariableAsForWandBsOwnClient() throws {
        let settings = try settings([
            "WANDB_RUN_NAME": "mine", "WANDB_RUN_TAGS": "a,b", "WANDB_RUN_NOTES": "n", "WANDB_RUN_JOB_TYPE": "eval",
            "WANDB_EMAIL": "a@b", "WANDB_X_EXTRA_HTTP_HEADERS": #"{"X-Team": "a"}"#,
        ])
        #expect(settings.name == "mine" && settings.tags == ["a", "b"] && settings.notes == "n")
        #expect(settings.jobType == "eval" && settings.userEmail == "a@b" && settings.extraHeaders == ["X-Team": "a"])
        #expect(try self.settings(["WANDB_NAME": "first", "WANDB_RUN_NAME": "second"]).name == "first")
    }
}
