import Foundation
import TestFiles
import Testing

@testable import Dashboard

struct PageTests {
    private static let folder = Checkout.path + "/Sources/Dashboard/Resources"

    private func names(_ ending: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: Self.folder)
            .filter { !URL(filePath: $0).pathExtension.isEmpty && $0.hasSuffix(ending) }.sorted()
    }

    @Test func everyFileOfThePageIsInsideTheProgram() throws {
        let page = PageFiles()
        for name in try names("") {
            let file = try Data(contentsOf: URL(filePath: Self.folder + "/" + name))
            #expect(
                page.reply(to: name.split(separator: "/").map(String.init))?.body == file,
                "\(name) is missing in page.c, or was not built again")
        }
        #expect(page.reply(to: []) != nil)
        #expect(page.reply(to: ["nothing.js"]) == nil)
    }

    @Test func onePageWithoutAServerHasAllScriptsInOrder() throws {
        let shell = String(decoding: PageFiles().shell().body, as: UTF8.self)
        for line in shell.split(separator: "\n") where line.hasPrefix("import ") || line.hasPrefix("export ") {
            Issue.record("left in the page: \(line)")
        }
        #expect(shell.contains("<!--record-->"))
        #expect(!shell.contains("<link") && !shell.contains("<script src"), "everything is inside")
        // A script's names are those of all: they must not meet, and what runs at once must stand behind what it uses.
        var owners: [String: String] = [:]
        for name in try names(".js") {
            let text = try String(contentsOfFile: Self.folder + "/" + name, encoding: .utf8)
            for match in text.matches(of: /(?m)^(?:export )?(?:async )?(?:const|let|class|function) (\w+)/) {
                let word = String(match.1)
                #expect(owners[word] == nil, "\(word) is in \(owners[word] ?? "") and \(name)")
                owners[word] = name
            }
            for match in text.matches(of: /(?m)^import .* from "(.*)";$/) {
                let imported = URL(filePath: "/" + name).deletingLastPathComponent().appending(path: String(match.1))
                let path = String(imported.standardizedFileURL.path(percentEncoded: false).dropFirst())
                let place = try #require(shell.range(of: try firstLine(of: path))).lowerBound
                let own = try #require(shell.range(of: try firstLine(of: name))).lowerBound
                #expect(place < own, "\(name) stands before \(match.1)")
            }
        }
    }

    private func firstLine(of name: String) throws -> String {
        try String(contentsOfFile: Self.folder + "/" + name, encoding: .utf8).split(separator: "\n").first.map(
            String.init)
            ?? ""
    }

    @Test func noScriptMakesMarkupOfText() throws {
        for name in try names(".js") {
            let text = try String(contentsOfFile: Self.folder + "/" + name, encoding: .utf8)
            for word in [
                "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", ".html(", "new Function",
            ] {
                #expect(!text.contains(word), "\(name) has \(word)")
            }
        }
    }
}
