import JSON
import Testing

@testable import Orchestration

/// Configs of a sweep are compared by their texts; what comes out is as if each had been read by itself.
struct RunSettingsTests {
    private static let base =
        #"{"lr": 0.1, "name": "a, \"b\"}", "list": [1, [2]], "task": {"p": 0.5, "kind": "x", "deep": {"q": 1}}, "last": null}"#

    /// Settings by run, every config read as a value.
    private func readWhole(_ configs: [String]) throws -> [[String: JSONValue]] {
        try configs.map { config in
            Dictionary(uniqueKeysWithValues: try FlatConfig(config).settings.map { ($0.name, $0.value) })
        }
    }

    @Test(
        arguments: [
            [],
            [(#""lr": 0.1"#, #""lr": 0.12"#)],
            [(#""lr": 0.1"#, #""lr": 1e-1"#)],
            [("0.1", "null"), ("null}", "[]}")],
            [(#""a, \"b\"}""#, #""other \\""#)],
            [(#""a, \"b\"}""#, "null")],
            [("[1, [2]]", "[1, [2, 3]]"), (#""p": 0.5"#, #""p": 0.25"#)],
            [(#""q": 1"#, #""q": 12"#), (#""kind": "x""#, #""kind": "y""#)],
            [(#", "deep": {"q": 1}"#, "")],
            [(#""p": 0.5"#, #""p": 0.5, "new": 7"#)],
            [(#"{"p": 0.5, "kind": "x", "deep": {"q": 1}}"#, "3")],
            [(#""list": [1, [2]], "#, "")],
            [(#""last": null"#, #""more": 1, "last": null"#)],
            [(#""lr": 0.1"#, #""LR": 0.1"#)],
            [(", ", ",")], [("{", "{ ")], [(": ", " : ")],
        ] as [[(String, String)]])
    func anotherConfigComesOutAsIfReadByItself(changes: [(String, String)]) throws {
        let other = changes.reduce(Self.base) { $0.replacing($1.0, with: $1.1) }
        let configs = [Self.base, other, Self.base]
        var settings = RunSettings()
        let differences = try configs.map { config in try settings.read(config) }
        let expected = try readWhole(configs)
        let names = Set(expected.flatMap(\.keys)).sorted()
        #expect(settings.names == names)
        #expect(settings.varying == names.filter { name in Set(expected.map { $0[name]?.text }).count > 1 })
        for index in configs.indices {
            for name in names {
                let value = settings.value(of: name, differences[index])
                #expect(value == expected[index][name], "\(name) of \(index)")
            }
        }
    }

    @Test(arguments: ["", "{", "[1]x", #"{"a": }"#, #"{"lr": 0.1"#, #"{"lr": 0.1, "name"#])
    func whatIsNoConfigIsRefused(text: String) {
        #expect(throws: JSONError.self) { try read([text]) }
        #expect(throws: JSONError.self) { try read([Self.base, text]) }
    }

    @Test func aBrokenValueInAConfigOfTheSamePatternIsRefused() {
        let broken = Self.base.replacing("0.1", with: "0.1.2")
        #expect(throws: JSONError.self) { try read([Self.base, broken]) }
    }

    private func read(_ configs: [String]) throws {
        var settings = RunSettings()
        for config in configs { _ = try settings.read(config) }
    }

    @Test func configsWithoutSettingsAreLikeOthers() throws {
        var settings = RunSettings()
        let differences = try ["{}", #"{"a": 1}"#, "{}"].map { config in try settings.read(config) }
        #expect(settings.varying == ["a"])
        #expect(differences.map { settings.value(of: "a", $0) } == [nil, .number(1), nil])
    }

    @Test func whatIsReadAgainDiffersAsBefore() throws {
        var settings = RunSettings()
        let configs = [#"{"a": 1, "b": 2}"#, #"{"a": 1, "b": 3}"#]
        for _ in 0..<2 {
            let differences = try configs.map { config in try settings.read(config) }
            #expect(differences == [[:], ["b": .some(.number(3))]])
        }
        #expect(settings.varying == ["b"])
    }
}
