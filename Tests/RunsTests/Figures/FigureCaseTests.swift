import Analysis
import Artifacts
import Foundation
import JSON
import Kernels
import Runs
import TestFiles
import Testing

/// The numbers behind every figure against those that the published implementation draws.
@Suite struct FigureCaseTests {
    private static let fixtures = Checkout.fixture("Figures")

    @Test(arguments: ["tms_5-2", "resid_mlp1", "lm_tiny"])
    func theNumbersOfEveryFigureAgree(name: String) throws {
        let (given, folder) = (Self.fixtures + "/" + name, try TemporaryFolder())
        try FigureCase(folder: given, threads: 2).write(to: folder.path)
        for kind in ["core", "analysis", "lm"] {
            let file = "expected.\(kind).safetensors"
            guard FileManager.default.fileExists(atPath: given + "/" + file) else { continue }
            let expected = try SafeTensors(contentsOf: given + "/" + file).arrays
            let found = try SafeTensors(contentsOf: folder.path + "/" + file).arrays
            #expect(Set(found.keys) == Set(expected.keys))
            for (name, array) in expected {
                let computed = try #require(found[name], "\(name)")
                try #require(computed.shape == array.shape, "\(name)")
                compare(name, computed, array, all: expected, computedAll: found)
            }
        }
        let expected = try JSONValue(parsing: String(contentsOfFile: given + "/expected.json", encoding: .utf8))
        let found = try JSONValue(parsing: String(contentsOfFile: folder.path + "/expected.json", encoding: .utf8))
        compare(found, expected, at: "expected.json")
    }

    private func compare(
        _ name: String, _ computed: SafeTensors.Array, _ expected: SafeTensors.Array,
        all: [String: SafeTensors.Array], computedAll: [String: SafeTensors.Array]
    ) {
        let (a, b) = (computed.floats, expected.floats)
        let limit = 1e-4 * b.reduce(0) { max($0, abs($1)) } + 1e-6
        if name.hasSuffix(".counts") {
            let moved = zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } / 2
            #expect(a.reduce(0, +) == b.reduce(0, +), "\(name)")
            #expect(moved <= max(4, 0.005 * b.reduce(0, +)), "\(name)")
        } else if name.contains("order_is_unique") {
            let end = (b.firstIndex(of: 0) ?? b.count - 1) + 1
            #expect(a.prefix(end) == b.prefix(end), "\(name)")
        } else if let unique = Self.uniqueness(of: name).flatMap({ all[$0] ?? nil }) {
            // From the first row that is not unique on another order is right too.
            let columns = expected.shape.last ?? 0
            let clear = unique.floats.firstIndex(of: 0) ?? columns
            if expected.shape.count == 2 {
                #expect(sortedColumns(computed) == sortedColumns(expected), "\(name)")
            }
            let differs = a.indices.contains { $0 % columns < clear && !(abs(a[$0] - b[$0]) <= limit) }
            #expect(!differs, "\(name)")
        } else if name.hasPrefix("resid.study.") {
            #expect(sortedColumns(computed) == sortedColumns(expected), "\(name)")
        } else if case .int64 = expected.elements {
            #expect(computed == expected, "\(name)")
        } else {
            let worst = zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(worst <= limit, "\(name): off by \(worst)")
        }
    }

    /// The array that says how far an order is clear.
    private static func uniqueness(of name: String) -> String? {
        if name == "lm.embedding.order" { return "lm.embedding.order_is_unique" }
        if name.hasPrefix("core.order.") { return name.replacing("core.order.", with: "core.order_is_unique.") }
        for kind in ["ci", "ci_upper"] where name.hasPrefix("core.feature_\(kind)_shown.") {
            return name.replacing("core.feature_\(kind)_shown.", with: "core.order_is_unique.\(kind).")
        }
        return nil
    }

    /// The sums of the columns in order, to a hundredth: what is left of a matrix whose columns may be in another order.
    private func sortedColumns(_ array: SafeTensors.Array) -> [Int] {
        let (rows, columns) = (array.shape[0], array.shape[1])
        let sums = (0..<columns).map { column in
            (0..<rows).reduce(0.0) { $0 + Double(array.floats[$1 * columns + column]) }
        }
        return sums.sorted().map { Int(($0 * 100).rounded()) }
    }

    private func compare(_ found: JSONValue?, _ expected: JSONValue, at path: String) {
        switch expected {
        case .number:
            let (a, b) = (found?.double ?? .nan, expected.double ?? .nan)
            #expect(abs(a - b) <= 1e-4 * abs(b) + 1e-6, "\(path): \(a), expected \(b)")
        case .object(let members):
            for member in members { compare(found?[member.name], member.value, at: path + "." + member.name) }
        case .array(let elements):
            #expect(found?.elements?.count == elements.count, "\(path)")
            for (place, element) in elements.enumerated() {
                let other = found?.elements ?? []
                compare(place < other.count ? other[place] : nil, element, at: "\(path)[\(place)]")
            }
        default: #expect(found == expected, "\(path)")
        }
    }

    @Test func columnsComeCloseToTheIdentity() throws {
        let text = try String(contentsOfFile: Self.fixtures + "/permute.json", encoding: .utf8)
        let cases = try #require(JSONValue(parsing: text).elements)
        #expect(cases.count == 6)
        for value in cases {
            let rows = try #require(value["matrix"]?.elements).map { $0.elements?.compactMap(\.double) ?? [] }
            let matrix = Tensor(shape: [rows.count, rows[0].count], values: rows.joined().map { Float($0) })
            #expect(ColumnOrder(matrix).columns == value["order"]?.elements?.compactMap(\.integer))
        }
    }

    @Test func aFolderThatLacksAFileIsNamed() throws {
        let folder = try TemporaryFolder()
        #expect {
            try FigureCase(folder: folder.path, threads: 1).write(to: folder.path + "/out")
        } throws: { error in
            guard case RunError.invalid(let reason)? = error as? RunError else { return false }
            return reason.contains("target.safetensors")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"))
    }
}
