import Foundation
import TestFiles
import Testing

@testable import WandB

/// Files with settings as editors, other tools and other systems leave them.
struct SettingFilesTests {
    private let scratch: TemporaryFolder
    private let key = "0123456789abcdef0123456789abcdef01234567"

    init() throws { scratch = try TemporaryFolder() }

    private func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    private func write(_ bytes: [UInt8], to name: String) throws {
        let url = URL(filePath: scratch.path + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    private func read(_ environment: [String: String] = [:]) throws -> WandBSettings {
        try WandBSettings.read(
            environment: environment, workingDirectory: scratch.path, homeDirectory: scratch.path)
    }

    @Test(arguments: ["\n", "\r\n", "\r"], ["", "\u{FEFF}"])
    func filesOfEverySystemAreRead(newline: String, mark: String) throws {
        func lines(_ lines: String...) -> String { mark + lines.map { $0 + newline }.joined() }
        let base = "http://127.0.0.1:9"
        try write(
            lines("WANDB_ENTITY=somebody", "WANDB_BASE_URL=\(base)", "WANDB_API_KEY=\(key)", "WANDB_NAME=last"),
            to: ".env")
        let settings = try read()
        #expect(settings.entity == "somebody")
        #expect(settings.baseURL == base)
        #expect(settings.apiKey == (try APIKey(key)))
        #expect(settings.name == "last")
        #expect(settings.notices.isEmpty)

        try write("", to: ".env")
        try write(lines("# my hosts", "machine 127.0.0.1:9", "  login user", "  password \(key)"), to: ".netrc")
        #expect(try read(["WANDB_BASE_URL": base]).apiKey == (try APIKey(key)))

        try write("", to: ".netrc")
        try write(lines("[default]", "base_url = \(base)", "api_key = \(key)"), to: ".config/wandb/settings")
        #expect(try read().apiKey == (try APIKey(key)))
        #expect(try read().baseURL == base)
    }

    @Test(arguments: [true, false]) func whatWindowsCallsUnicodeIsRead(isLittleEndian: Bool) throws {
        let units = Array("\u{FEFF}WANDB_API_KEY=\(key)\r\nWANDB_ENTITY=büro\r\n".utf16)
        try write(
            units.flatMap {
                isLittleEndian ? [UInt8($0 & 0xFF), UInt8($0 >> 8)] : [UInt8($0 >> 8), UInt8($0 & 0xFF)]
            },
            to: ".env")
        let settings = try read()
        #expect(settings.apiKey == (try APIKey(key)))
        #expect(settings.entity == "büro")
    }

    @Test func linesOfOtherToolsArePassedOverWithAWord() throws {
        try write(
            """
            #!/bin/sh
            set -euo pipefail
            source venv/bin/activate
            if [ -f more ]; then . more; fi
            export PATH=$PATH:/opt/bin
            CERTIFICATE="-----BEGIN-----
            WANDB_ENTITY=wrong
            -----END-----"
            export WANDB_API_KEY='\(key)'   # mine
              WANDB_ENTITY = lab
            WANDB_PROJECT=${MISSING:-spd}-${SUFFIX}
            WANDB_NAME=first
            WANDB_NAME
            """, to: ".env")
        let settings = try read(["SUFFIX": "x"])
        #expect(settings.apiKey == (try APIKey(key)))
        #expect(settings.entity == "lab")
        #expect(settings.project == "spd-x")
        #expect(settings.name == nil, "a name alone has no value")
        #expect(
            settings.notices == ["\(scratch.path)/.env: 3 lines from 2 on are ignored: expected NAME=value"])
    }

    @Test(arguments: ["\u{0}WANDB_ENTITY=lab", "WANDB_ENTITY\u{0}=lab", "WANDB\u{7}_ENTITY=lab"])
    func aNameWithBytesThatAreNoTextIsPassedOverWithAWord(line: String) throws {
        try write("WANDB_PROJECT=spd\n\(line)\n", to: ".env")
        let settings = try read()
        #expect(settings.project == "spd" && settings.entity == nil)
        #expect(settings.notices == ["\(scratch.path)/.env: line 2 is ignored: expected NAME=value"])
    }

    @Test func whateverIsInTheWayOfAFileAKeyInTheEnvironmentCounts() throws {
        for name in [".env", ".config/wandb/settings", "wandb/settings"] {
            try FileManager.default.createDirectory(
                atPath: scratch.path + "/" + name, withIntermediateDirectories: true)
        }
        let settings = try read(["WANDB_API_KEY": key])
        #expect(settings.apiKey == (try APIKey(key)))
        #expect(
            settings.notices
                == [".env", ".config/wandb/settings", "wandb/settings"].map {
                    "\(scratch.path)/\($0) is ignored: it is a folder"
                })
        let without = try read()
        #expect(without.offlineReason == "no WANDB_API_KEY is set")
        #expect(throws: WandBSettingsError.self, "a netrc that counts for nothing is no reason") {
            try read(["WANDB_API_KEY": "short", "NETRC": "/"])
        }
    }

    @Test func aLinkThatLeadsNowhereIsTold() throws {
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path + "/.env", withDestinationPath: scratch.path + "/moved/.env")
        #expect(try read().notices == ["\(scratch.path)/.env is ignored: it is a dangling link"])
    }

    @Test func aNamedPipeIsRead() throws {
        let path = scratch.path + "/.env"
        mkfifo(path, 0o600)
        let text = "WANDB_API_KEY=\(key)\n"
        let writer = Thread { try? text.write(toFile: path, atomically: false, encoding: .utf8) }
        writer.start()
        #expect(try read().apiKey == (try APIKey(key)))
    }

    @Test(arguments: [
        ("WANDB_ENTITY", "somebody\nWANDB_API_KEY=KEY"), ("WANDB_BASE_URL", "http://h\r\nWANDB_API_KEY=KEY"),
        ("WANDB_ENTITY", "KEY"), ("WANDB_PROJECT", "spd KEY"), ("WANDB_TAGS", "a,KEY"), ("WANDB_NOTES", "my KEY"),
        ("WANDB_MODE", "KEY"), ("WANDB_BASE_URL", "https://me:KEY@host"), ("WANDB_BASE_URL", "https://host/?key=KEY"),
        ("WANDB_APP_URL", "KEY"), ("WANDB_NAME", "wandb_v1_abcdefghijklmnopqrstuvwxyz"), ("WANDB_API_KEY", "KEY\r"),
        ("WANDB_API_KEY", "KEY KEY"), ("WANDB_USERNAME", "KEY"), ("WANDB_RUN_GROUP", "hf_\("a".repeated(34))"),
    ]) func aValueThatMayHoldAKeyIsRefusedAndNotShown(name: String, pattern: String) throws {
        let value = pattern.replacing("KEY", with: key)
        for place in ["environment", ".env"] {
            let inFile = place == ".env"
            try write(inFile ? "A=1\n\(name)='\(value)'\n" : "", to: ".env")
            let error = #expect(throws: WandBSettingsError.self) { try read(inFile ? [:] : [name: value]) }
            let message = "\(try #require(error))"
            #expect(!message.contains(key), "\(message)")
            #expect(!message.contains("\n"))
            #expect(message.contains(name) || message.contains("W&B API key"), "\(message)")
            if inFile { #expect(message.hasPrefix("\(scratch.path)/.env, line 2: "), "\(message)") }
        }
    }

    @Test func aKeyThatIsTooShortIsNotShownInAnotherSettingEither() throws {
        let error = #expect(throws: WandBSettingsError.self) {
            try read(["WANDB_API_KEY": "abcdefgh", "WANDB_ENTITY": "abcdefgh"])
        }
        #expect(error?.description.contains("abcdefgh") == false)
    }

    @Test func netrcIsReadAsPythonReadsIt() throws {
        let file = NetrcFile(
            """
            # a comment with machine words password wrong
            machine a login me password first#1 # one more
            machine b
                user "m e"
                password "with \\" and \\\\"
            macdef init
                machine c password wrong

            machine a password second
            default login x password 'other'
            """)
        #expect(file.password(for: "a") == "second")
        #expect(file.password(for: "b") == "with \" and \\")
        #expect(file.password(for: "c") == nil)
        #expect(file.password(for: nil) == "other")
    }
}

extension String {
    fileprivate func repeated(_ count: Int) -> String { String(repeating: self, count: count) }
}
