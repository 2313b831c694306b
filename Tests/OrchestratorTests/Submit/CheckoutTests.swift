import Foundation
import Testing

@testable import Orchestration
@testable import Orchestrator

/// What is kept of a checkout restores the bytes that ran, whoever's git it is, and holds no key.
struct CheckoutTests {
    private let bench: Workbench
    private let environment: [String: String]
    private let key = "0123456789abcdef0123456789abcdef01234567"

    init() throws {
        bench = try Workbench("checkout")
        environment = ["PATH": "/usr/bin:/bin", "HOME": bench.path + "/home"]
        try FileManager.default.createDirectory(atPath: bench.path + "/home", withIntermediateDirectories: true)
    }

    private func git(_ arguments: [String], in folder: String = "repo") throws {
        let path = bench.path + "/" + folder
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let names = ["-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "protocol.file.allow=always"]
        let answer = try ChildProcess(
            command: ["/usr/bin/git", "-C", path] + names + arguments, environment: environment
        )
        .run(patience: .seconds(60))
        try #require(answer.code == 0, "\(arguments): \(answer.error)")
    }

    private func commit(in folder: String = "repo") throws {
        try git(["add", "-A", "."], in: folder)
        try git(["commit", "-q", "-m", "all"], in: folder)
    }

    private func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    private func write(_ bytes: [UInt8], to name: String) throws {
        let url = URL(filePath: bench.path + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    private func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: bench.path + "/" + name)))
    }

    private func checkout(adding variables: [String: String] = [:]) throws -> GitCheckout {
        let environment = environment.merging(variables) { $1 }
        return try #require(
            GitCheckout(
                holding: bench.path + "/repo", secrets: Secrets(environment), environment: environment))
    }

    /// Applies the patch to what the user's git, and a git without settings, check out of the commit.
    private func expectRestores(
        _ checkout: GitCheckout, _ names: [String], submodules: Bool = false, users: [Bool] = [true, false]
    ) throws {
        let files = try names.map { try bytes("repo/" + $0) }
        try write(checkout.diff, to: "diff.patch")
        for hasSettings in users {
            if !hasSettings { try write("", to: "home/.gitconfig") }
            let copy = hasSettings ? "mine" : "plain"
            try git(["clone", "-q", "repo", copy] + (submodules ? ["--recurse-submodules"] : []), in: ".")
            try git(["checkout", "-q", checkout.commit ?? ""], in: copy)
            try git(["apply", bench.path + "/diff.patch"], in: copy)
            for (name, file) in zip(names, files) {
                #expect(try bytes(copy + "/" + name) == file, "\(name), \(copy)")
            }
        }
    }

    private static let settings = [
        "[color]\n\tui = always", "[diff]\n\texternal = /bin/false", "[diff]\n\tnoprefix = true",
        "[diff]\n\tmnemonicPrefix = true", "[diff]\n\trelative = true", "[diff]\n\tcontext = 0\n\tinterHunkContext = 9",
        "[diff]\n\torderFile = /nowhere", "[diff]\n\trenames = copies\n\tsuppressBlankEmpty = true",
        "[diff]\n\talgorithm = patience\n\tsubmodule = log\n\tignoreSubmodules = all", "[core]\n\tautocrlf = input",
        "[core]\n\tautocrlf = true", "[core]\n\teol = crlf\n\tquotePath = true",
        "[diff \"up\"]\n\ttextconv = tr a-z A-Z\n[filter \"up\"]\n\tclean = tr a-z A-Z\n\tsmudge = tr A-Z a-z",
        "[filter \"up\"]\n\tprocess = /bin/false\n\trequired = true\n[diff \"up\"]\n\tcommand = /bin/false",
        "[status]\n\tshowUntrackedFiles = no\n\trelativePaths = true\n\tshort = true\n\tbranch = true",
        "[core]\n\tattributesFile = ~/attributes",
    ]

    @Test(arguments: settings) func whatRanIsRestoredWhateverAUsersGitIsSetTo(setting: String) throws {
        // Nobody can check anything out with a filter that fails.
        let isBroken = setting.contains("process = /bin/false")
        let newline = setting.contains("autocrlf = true") ? "\r\n" : "\n"
        let odd = ["ü b.txt", "tab\tand\nline.txt", "\"quoted\".txt", "-dash.txt"]
        try git(["init", "-q", "-b", "main"])
        try write("*.up diff=up filter=up\n*.crlf text eol=crlf\n*.raw -diff\n", to: "repo/.gitattributes")
        if !isBroken { try write(setting + "\n", to: "home/.gitconfig") }
        let before = "one\n\ntwo\nthree\n\nfour\n".replacing("\n", with: newline)
        let texts = ["src/a.txt", "b.txt", "c.up", "d.crlf"] + odd
        for name in texts { try write(before, to: "repo/" + name) }
        try write([0, 1, 2, 255], to: "repo/e.raw")
        try write("gone\n", to: "repo/gone.txt")
        try commit()
        try write(setting + "\n", to: "home/.gitconfig")
        try write("* text=auto filter=up\n", to: "home/attributes")
        for name in texts { try write(before.replacing("two", with: "2"), to: "repo/" + name) }
        for name in ["b.txt", "d.crlf"] {
            let lines = before.replacing("\r\n", with: "\n").replacing("\n", with: "\r\n")
            try write(lines.replacing("two", with: "2"), to: "repo/" + name)
        }
        try write([0, 1, 3, 255, 10, 13, 10], to: "repo/e.raw")
        try FileManager.default.removeItem(atPath: bench.path + "/repo/gone.txt")
        try write("new", to: "repo/new.txt")

        let checkout = try checkout()
        #expect(checkout.isDirty == true)
        #expect(checkout.untracked == ["new.txt"])
        #expect(checkout.notes.isEmpty, "\(checkout.notes)")
        try expectRestores(checkout, texts + ["e.raw"], users: isBroken ? [false] : [true, false])
        #expect(!FileManager.default.fileExists(atPath: bench.path + "/plain/gone.txt"))
    }

    @Test func submodulesAreRestoredToo() throws {
        try git(["init", "-q", "-b", "main"], in: "inner")
        try write("one\n", to: "inner/s.txt")
        try commit(in: "inner")
        try git(["init", "-q", "-b", "main"])
        try git(["submodule", "add", "-q", bench.path + "/inner", "sub mod"])
        try write("a\n", to: "repo/a.txt")
        try commit()
        try write("committed\n", to: "repo/sub mod/s.txt")
        try commit(in: "repo/sub mod")
        try write("committed\nchanged\n", to: "repo/sub mod/s.txt")
        try write("b\n", to: "repo/a.txt")
        let checkout = try checkout()
        #expect(checkout.notes.count == 1)
        #expect(checkout.notes.first?.hasPrefix("submodule sub mod is at commit ") == true)
        try expectRestores(checkout, ["a.txt", "sub mod/s.txt"], submodules: true)
    }

    @Test func filesThatGitIsToldNotToLookAtAreKept() throws {
        try git(["init", "-q", "-b", "main"])
        for name in ["a", "b", "c"] { try write("1\n", to: "repo/" + name) }
        try commit()
        try git(["update-index", "--assume-unchanged", "a"])
        try git(["update-index", "--skip-worktree", "b"])
        try git(["update-index", "--split-index"])
        for name in ["a", "b"] { try write("22\n", to: "repo/" + name) }
        let checkout = try checkout()
        #expect(checkout.isDirty == true)
        try expectRestores(checkout, ["a", "b"])
    }

    @Test func anUnbornBranchIsComparedWithNothing() throws {
        try git(["init", "-q", "-b", "main"])
        try write("1\n", to: "repo/a")
        try git(["add", "a"])
        try write("2\n", to: "repo/a")
        let checkout = try checkout()
        #expect(checkout.commit == nil)
        #expect(String(decoding: checkout.diff, as: UTF8.self).contains("+2\n"))
    }

    @Test(arguments: ["environment", ".env", "hidden .env", "netrc", "settings", "nowhere"])
    func aKeyFoundInAnyWayIsKeptOutOfThePatch(place: String) throws {
        // Only a shape tells one that stands nowhere else.
        let secret = place == "nowhere" ? key : "a short secret"
        var variables: [String: String] = [:]
        switch place {
        case "environment": variables["MY_TOKEN"] = secret
        case "netrc": try write("machine elsewhere login me password \"\(secret)\"\n", to: "home/.netrc")
        case "settings": try write("[default]\napi_key = \(secret)\n", to: "home/.config/wandb/settings")
        default: break
        }
        try git(["init", "-q", "-b", "main"])
        for name in ["good.txt", "bad.txt", "wide.txt", "base64.txt", "near.txt"] {
            try write("1\n", to: "repo/" + name)
        }
        try write("1\npassword:\n\(secret)\n", to: "repo/near.txt")
        try write("1\n", to: "repo/.env.local")
        try commit()
        try write("2\n", to: "repo/good.txt")
        try write("key = '\(secret)' # mine\n", to: "repo/bad.txt")
        try write(
            Array("\u{FEFF}key = \(secret)\r\n".utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] },
            to: "repo/wide.txt")
        try write("3\npassword:\n\(secret)\n", to: "repo/near.txt")
        try write("K=\(secret)\n", to: "repo/.env.local")
        if place != "nowhere" {
            try write(Data("api:\(secret)".utf8).base64EncodedString(), to: "repo/base64.txt")
        }
        let checkout =
            if place.hasSuffix(".env") {
                try inFolder(holding: "MY_KEY='\(secret)'\n", hiding: place == "hidden .env", variables)
            } else {
                try self.checkout(adding: variables)
            }
        let patch = String(decoding: checkout.diff, as: UTF8.self)
        #expect(patch.components(separatedBy: "diff --git").count == 2, "\(patch)")
        #expect(patch.contains("good.txt"))
        let left = ["bad.txt", "near.txt", "wide.txt"] + (place == "nowhere" ? [] : ["base64.txt"])
        #expect(checkout.notes.sorted() == left.map { "\($0): its changes hold a secret and are not kept" }.sorted())
    }

    /// A hash of the shape that W&B's older keys have.
    private static let hash = "da39a3ee5e6b4b0d3255bfef95601890afd80709"

    @Test(arguments: [
        #""revision" : "\#(hash)""#, #"source = "git+https://host/user/keyring?rev=\#(hash)#\#(hash)""#,
        "wandb @ git+https://github.com/wandb/wandb@\(hash)", "commit \(hash)\nAuthor: Somebody", hash,
        #"{ name = "token-lib", rev = "\#(hash)" }"#, "tokenizer_revision: \(hash)", "api-key-lib.git#\(hash)",
        #"resolved_reference = "\#(hash)""#, "key_sha1: \(hash)", #""image": "registry/auth/\#(hash)""#,
        "- uses: actions/setup-token@\(hash) # v4",
    ]) func aCommitsHashIsNoKey(line: String) throws {
        try git(["init", "-q", "-b", "main"])
        try write("a\n", to: "repo/lock")
        try commit()
        try write("a\n\(line)\n", to: "repo/lock")
        let checkout = try checkout()
        #expect(String(decoding: checkout.diff, as: UTF8.self).contains(Self.hash))
        #expect(checkout.notes.isEmpty)
    }

    @Test(arguments: [
        "WANDB_API_KEY=\(hash)", #"os.environ["WANDB_API_KEY"] = "\#(hash)""#, #"KEY: str = "\#(hash)""#,
        "- name: WANDB_API_KEY\n  value: \(hash)", "wandb login --relogin \(hash)", #"wandb.login(key='\#(hash)')"#,
        "machine api.wandb.ai\n  login user\n  password \(hash)", "https://api:\(hash)@api.wandb.ai/",
        "Authorization: Basic \(hash)", "# my key is \(hash)", #"{"apiKey":\#n\#n  "\#(hash)"}"#,
        #"getenv("WANDB_API_KEY", "\#(hash)")"#, #"KEY = os.environ.get("OTHER", "\#(hash)")"#,
        "curl -u api:\(hash) https://api.wandb.ai",
    ]) func whatStandsBehindAKeysNameIsOne(line: String) throws {
        try git(["init", "-q", "-b", "main"])
        try write("a\n", to: "repo/notes")
        try commit()
        try write("a\n\(line)\n", to: "repo/notes")
        #expect(try checkout().diff.isEmpty)
    }

    @Test func aFileThatIsNamedAfterItsKeyIsKeptOut() throws {
        try git(["init", "-q", "-b", "main"])
        try write("\(String(repeating: "0", count: 40))\n", to: "repo/wandb_key.txt")
        try commit()
        try write(Self.hash, to: "repo/wandb_key.txt")
        #expect(try checkout().diff.isEmpty)
    }

    /// A look from a program that runs where a `.env` lies.
    private func inFolder(holding dotEnv: String, hiding: Bool, _ variables: [String: String]) throws -> GitCheckout {
        try write(dotEnv, to: "work/.env")
        let environment = environment.merging(hiding ? ["MY_KEY": "something else"] : [:]) { $1 }
        let secrets = Secrets(environment, workingDirectory: bench.path + "/work")
        return try #require(
            GitCheckout(holding: bench.path + "/repo", secrets: secrets, environment: environment))
    }

    @Test(arguments: [
        "wandb_v1_" + String(repeating: "Ab3_", count: 12), "local-0123456789abcdef0123456789abcdef01234567",
        "hf_" + String(repeating: "aB3", count: 11) + "x", "0123456789ABCDEF0123456789ABCDEF01234567",
        "ghp_" + String(repeating: "aB3", count: 12), "github_pat_" + String(repeating: "a1B_", count: 20),
    ]) func whateverHasTheShapeOfAKeyIsKeptOut(secret: String) throws {
        try git(["init", "-q", "-b", "main"])
        try write("a\n", to: "repo/a.py")
        try commit()
        try write("login(\"\(secret)\")\n", to: "repo/a.py")
        try write("x", to: "repo/\(secret).txt")
        let checkout = try checkout()
        #expect(checkout.diff.isEmpty)
        #expect(!"\(checkout)".contains(secret))
        try write("hash = \(String(repeating: "0", count: 64))\nhf_model_name_or_path\n", to: "repo/a.py")
        #expect(try !self.checkout().diff.isEmpty, "what is longer or shorter is none")
    }

    @Test func aLargeFileLeavesTheOthersTheirChanges() throws {
        try git(["init", "-q", "-b", "main"])
        for name in ["a", "weights"] { try write("1\n", to: "repo/" + name) }
        try commit()
        try write("2\n", to: "repo/a")
        try write([UInt8](repeating: 7, count: 5 << 20), to: "repo/weights")
        let checkout = try checkout()
        #expect(checkout.notes == ["weights: its changes are not kept: it has 5.2 MB"])
        #expect(String(decoding: checkout.diff, as: UTF8.self).contains("+2\n"))
    }

    @Test func aCheckoutThatGitRefusesToLookAtIsTold() throws {
        try write("nonsense", to: "repo/.git")
        let checkout = try checkout()
        #expect(checkout.notes.first?.hasPrefix("git rev-parse failed: fatal: ") == true, "\(checkout.notes)")
    }
}
