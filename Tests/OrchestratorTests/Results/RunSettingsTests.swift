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
        let settings = try RunSettings(configs)
        let expected = try readWhole(configs)
        let names = Set(expected.flatMap(\.keys)).sorted()
        #expect(settings.names == names)
        #expect(settings.varying == names.filter { name in Set(expected.map { $0[name]?.text }).count > 1 })
        for index in configs.indices {
            for name in names { #expect(settings[index, name] == expected[index][name], "\(name) of \(index)") }
        }
    }

    @Test(arguments: ["", "{", "[1]x", #"{"a": }"#, #"{"lr": 0.1"#, #"{"lr": 0.1, "name"#])
    func whatIsNoConfigIsRefused(text: String) {
        #expect(throws: JSONError.self) { try RunSettings([text]) }
        #expect(throws: JSONError.self) { try RunSettings([Self.base, text]) }
    }

    @Test func aBrokenValueInAConfigOfTheSamePatternIsRefused() {
        let broken = Self.base.replacing("0.1", with: "0.1.2")
        #expect(throws: JSONError.self) { try RunSettings([Self.base, broken]) }
    }

    @Test func configsWithoutSettingsAreLikeOthers() throws {
        let settings = try RunSettings(["{}", #"{"a": 1}"#, "{}"])
        #expect(settings.varying == ["a"])
        #expect(settings[0, "a"] == nil && settings[1, "a"] == .number(1) && settings[2, "a"] == nil)
    }

    @Test func onlySomeNeedBeRead() throws {
        var settings = RunSettings(count: 2)
        try settings.read(#"{"a": 1, "b": 2}"#, of: 1)
        try settings.read(#"{"a": 1, "b": 3}"#, of: 0)
        #expect(settings.varying == ["b"])
        #expect(settings[0, "b"] == .number(3) && settings[1, "b"] == .number(2))
    }
}
