import Foundation
import TestFiles
import Testing

/// The drawing of the modules on docs/concepts/architecture.md, against Package.swift.
struct ArchitecturePageTests {
    /// By module, the modules of this package that it depends on.
    private static func dependencies() throws -> [String: [String]] {
        let manifest = try String(contentsOfFile: Checkout.path + "/Package.swift", encoding: .utf8)
        let target = /\.(?:executableTarget|target|systemLibrary)\(\s*name: "(\w+)"/
        let starts = manifest.matches(of: target)
        let pieces = starts.enumerated().map { index, start in
            let end = index + 1 < starts.count ? starts[index + 1].range.lowerBound : manifest.endIndex
            return (name: String(start.output.1), text: manifest[start.range.upperBound..<end])
        }
        let names = Set(pieces.map(\.name))
        return Dictionary(
            uniqueKeysWithValues: pieces.map { piece in
                // A library of another package may have a module's name.
                let own = piece.text.replacing(/\.product\([^)]*\)/, with: "")
                let list = own.firstMatch(of: /dependencies: \[([^\]]*)\]/)?.output.1 ?? ""
                return (piece.name, list.matches(of: /"(\w+)"/).map { String($0.output.1) }.filter(names.contains))
            })
    }

    @Test func modulesImportFromRowsBelowTheirsOnly() throws {
        let page = try String(contentsOfFile: Checkout.path + "/docs/concepts/architecture.md", encoding: .utf8)
        let drawing = try #require(page.split(separator: "```").first { $0.contains(" programs ") })
        var rows: [String: Int] = [:]
        for (row, line) in drawing.split(separator: "\n").enumerated() {
            for word in line.matches(of: /[A-Z]\w+/) { rows[String(word.output)] = row }
        }
        // What tests alone build stands beside them.
        let dependencies = try Self.dependencies().filter {
            !["Browser", "TestFiles"].contains($0.key) && !$0.key.hasPrefix("StandIn")
        }
        #expect(dependencies.count > 30)
        for (module, needed) in dependencies {
            let row = try #require(rows[module], "\(module) is not drawn")
            for below in needed {
                #expect(try #require(rows[below], "\(below) is not drawn") > row, "\(module) imports \(below)")
            }
        }
    }
}
