import Foundation
import TestFiles
import Testing

@testable import Experiments

/// What PyYAML reads, ours reads, but for keys that stand twice and numbers like `3e-3`.
struct YAMLReadingTests {
    private func value(_ text: String) throws -> ConfigValue { try SourceNode.parse(yaml: text, source: "s").value }

    // What `yaml.safe_load` of PyYAML 6.0 makes of each, but for exponents without a point or a sign.
    private static let wholeNumbers: [(String, Int)] = [
        ("010", 8), ("-017", -15), ("0_7", 7), ("0x1F", 31), ("-0xff", -255), ("0b101", 5), ("1_000", 1000),
        ("+12", 12),
        ("0", 0), ("-0", 0), ("1:30", 90), ("-1:30:00", -5400), ("4:00:00", 14400), ("!!int '3'", 3),
    ]
    private static let numbers: [(String, Double)] = [
        ("1:30.5", 90.5), ("1.5", 1.5), ("1.", 1), (".5", 0.5), ("1.5e-3", 0.0015), ("1e-3", 0.001), ("010.5", 10.5),
        ("1_0.5", 10.5), (".inf", .infinity), ("12e03", 12000), ("!!float 3", 3),
    ]
    private static let texts = [
        "0o10", "08", "0x", "0b2", "_1", "1:60", "0:30", "y", "oN", "2024-01-01", "1e", "1.2.3", "0x1G", "1-2",
    ]

    @Test func scalarsMeanWhatTheyMeanInYAML11() throws {
        for (text, number) in Self.wholeNumbers { #expect(try value(text) == .int(number), "\(text)") }
        for (text, number) in Self.numbers { #expect(try value(text) == .number(number), "\(text)") }
        for text in Self.texts { #expect(try value(text) == .string(text)) }
        #expect(try value("'010'") == .string("010"))
        #expect(try value("!!str 010") == .string("010"))
        #expect(try value("[yes, Off, ~]") == .list([.bool(true), .bool(false), .null]))
        for text in ["!!int x", "!!python/tuple [1]", "!mine {a: 1}", "!!set {a}"] {
            #expect(throws: ConfigError.self) { try value(text) }
        }
    }

    @Test func textThatLooksLikeANumberComesBackAsText() throws {
        for text in ["010", "0x1F", "1:30", "0b1", "1_000", "3e-3", "yes", "<<", "2024-01-01"] {
            #expect(try value(ConfigValue.string(text).yaml) == .string(text))
        }
    }

    @Test func mergedKeysGiveWayToOwnOnesAndComeFirst() throws {
        let text = """
            base: &base {lr: 1, C: 2}
            other: &other {C: 3, seed: 4}
            a: {C: 9, <<: *base}
            b: {<<: [*base, *other], steps: 5}
            c:
              <<: *base
              <<: *other
            d: {<<: {lr: 7}}
            """
        guard case .map(let entries) = try value(text) else { return }
        #expect(
            entries.dropFirst(2).map { "\($0.key) \($0.value.json)" } == [
                #"a {"lr": 1, "C": 9}"#, #"b {"C": 2, "seed": 4, "lr": 1, "steps": 5}"#,
                #"c {"lr": 1, "C": 3, "seed": 4}"#, #"d {"lr": 7}"#,
            ])
    }

    @Test func aQuotedMergeKeyIsAKeyAndAnOddMergeIsToldWithItsLine() throws {
        #expect(try value("'<<': {a: 1}") == .map([.init("<<", .map([.init("a", .int(1))]))]))
        #expect(
            problems { _ = try value("a: 1\nb:\n  <<: [1]") }
                == "s:3:3: not valid YAML: '<<' merges mappings: one, or a list of them; found 1")
        // The ones that are told apart from each other come back as they were.
        #expect(
            try value("a: &a {x: 1}\nb: {<<: *a, <<: *a, y: '<<: no'}\n").json.hasSuffix(
                #""b": {"x": 1, "y": "<<: no"}}"#))
    }

    @Test(arguments: ["x-base", ".base"]) func aSweepMayKeepAnchorsInASectionOfTheirOwn(name: String) throws {
        func expand(_ text: String) throws -> [SpecDraft] {
            try SweepFile.load(yaml: text, source: "s").expand(experiments: [Registry.experiment(named: "tms_5-2")])
        }
        let specs = try expand("\(name): &base {values: [1, 2]}\nglobal: {seed: *base}")
        #expect(specs.map(\.config.seed) == [1, 2])
        let unused = problems { _ = try expand("\(name): {values: [1]}\nglobal: {seed: {values: [1]}}") }
        #expect(unused.contains("\(name): unknown experiment '\(name)'"), "\(unused)")
    }

    @Test func aSweepMayTakeOverWhatAnotherSectionSays() throws {
        let sweep = """
            global: &common
              lr: {values: [1e-3, 5e-4]}
            tms_5-2:
              <<: *common
              seed: {values: [0, 1]}
            """
        let experiment = try Registry.experiment(named: "tms_5-2")
        let specs = try SweepFile.load(yaml: sweep, source: "s").expand(experiments: [experiment])
        #expect(specs.count == 4)
    }

    @Test func mistakesBehindAnAliasAreToldWithItsLineToo() throws {
        let sweep = """
            global: &common
              lr: {values: [0]}
            tms_5-2:
              # not this *common
              <<: *common
              C: {values: [x]}
            tms_40-10: *common
            """
        let experiments = try ["tms_5-2", "tms_40-10"].map { try Registry.experiment(named: $0) }
        #expect(
            problems { _ = try SweepFile.load(yaml: sweep, source: "s").expand(experiments: experiments) } == """
                s:2:17: tms_5-2.lr.values[0]: found 0, expected a number > 0 (through the alias on line 5)
                s:2:17: tms_40-10.lr.values[0]: found 0, expected a number > 0 (through the alias on line 7)
                s:6:16: tms_5-2.C.values[0]: found "x", expected a positive integer (below 2^31)
                """)
    }

    @Test func aValueMayFollowItsColonAtOnceInAFlowMapping() throws {
        #expect(try value("{values:[1, 2]}").json == #"{"values": [1, 2]}"#)
        #expect(
            try value("a: {b:{c:[x]}, d:{}, e:}\n# {no:[1]}").json == #"{"a": {"b": {"c": ["x"]}, "d": {}, "e": null}}"#
        )
        // A colon within a word, a quoted text or a block mapping is none that begins a value.
        #expect(try value("{a: b:c, 'd:[e': 1}").json == #"{"a": "b:c", "d:[e": 1}"#)
        #expect(try value("a:[1]").json == #""a:[1]""#)
        let text = "g: &g {lr:{values:[1]}, C:{values:[2]}}\r\n\u{85}t: {<<: *g, <<: {seed:[x, y]}, z: [1}"
        #expect(problems { _ = try value(text) }.hasPrefix("s:3:37: not valid YAML"))
        let sweep = "tms_5-2: {lr:{values:[0.1, 0]}, C:{values:[q]}}"
        let experiment = try Registry.experiment(named: "tms_5-2")
        #expect(
            problems { _ = try SweepFile.load(yaml: sweep, source: "s").expand(experiments: [experiment]) } == """
                s:1:28: tms_5-2.lr.values[1]: found 0, expected a number > 0
                s:1:44: tms_5-2.C.values[0]: found "q", expected a positive integer (below 2^31)
                """)
    }

    @Test func manyAliasesAreFineAndOnesThatMultiplyAreRefused() throws {
        let sections = (0..<300).map { "s\($0): {<<: *base, x: *one}" }.joined(separator: "\n")
        #expect(throws: Never.self) { try value("base: &base {a: 1, b: 2}\none: &one 1\n\(sections)") }
        let bomb =
            "a0: &a0 [x]\n" + (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }.joined(separator: "\n")
        for text in [bomb, bomb + "\n? *a40\n: 1", bomb.replacing("\n", with: "\r\n")] {
            #expect(problems { _ = try value(text) }.contains("stand for more than 16 MB of text"))
        }
    }

    @Test func filesOfOtherSystemsAreRead() throws {
        let folder = try TemporaryFolder()
        let text = "global:\r\n  lr:\r\n    values: [1e-3]\r\n"
        let tabs = "{\n\t\"global\": {\n\t\t\"lr\": {\"values\":[1e-3]}\n\t}\n}"
        let files = [
            "dos.yaml": Data(text.utf8), "mark.yaml": Data(("\u{FEFF}" + text).utf8), "tabs.json": Data(tabs.utf8),
            "windows.yaml": try #require(("\u{FEFF}" + text).data(using: .utf16LittleEndian)),
            "mac.yaml": Data(text.replacing("\r\n", with: "\r").utf8),
        ]
        for (name, data) in files {
            let path = folder(name)
            #expect(FileManager.default.createFile(atPath: path, contents: data))
            #expect(
                try SourceNode.parse(path: path).value.json == #"{"global": {"lr": {"values": [0.001]}}}"#, "\(name)")
        }
    }

    @Test func aSiteFileTakesNamesAndTimesAsTheyAreWritten() throws {
        let site = try SiteFile.load(yaml: "time: 4:00:00\naccount: 0042\n", source: "site.yaml")
        #expect(site.resources == ["time": "4:00:00", "account": "0042"])
    }
}
