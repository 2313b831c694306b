import Testing

@testable import Store

struct NumbersTests {
    private func parse(_ json: String) throws -> NamedNumbers {
        var reader = NumbersReader()
        return try reader.parse(json)
    }

    @Test func oneReaderReadsTextsWithOtherNames() throws {
        var reader = NumbersReader()
        for numbers in [
            ["a": 1, "loss/total": 2, "x": 3], ["a": 4, "loss/total": 5, "x": 6], ["loss": 7, "loss/total": 8],
            ["loss": 9],
            ["loss/total": 1, "los": 2, "loss/tota": 3], [:], ["a": 1, "b": 2, "c": 3, "d": 4],
        ] as [[String: Double]] {
            #expect(try reader.parse(Numbers.json(numbers)).dictionary == numbers)
        }
        // The second text ends where the name before goes on.
        #expect(try reader.parse("{\"loss/total\":1}") == ["loss/total": 1])
        #expect(throws: (any Error).self) { try reader.parse("{\"loss") }
    }

    @Test func onlyWantedNumbersAreRead() throws {
        var reader = NumbersReader(.named { $0 == "b" || $0.hasPrefix("loss/") })
        for (numbers, wanted) in [
            (["a": 1, "b": 2, "loss/x": 3], ["b": 2, "loss/x": 3]), (["a": 4, "b": 5], ["b": 5]), (["a": 6], [:]),
            (["b": 7, "c": 8, "loss/x": 9], ["b": 7, "loss/x": 9]), (["a": .infinity, "b": 10], ["b": 10]), ([:], [:]),
        ] as [([String: Double], [String: Double])] {
            #expect(try reader.parse(Numbers.json(numbers)).dictionary == wanted)
        }
        var none = NumbersReader(.none)
        #expect(try none.parse("{\"a\":1}") == [:])
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let numbers = [
            "loss/total": 0.1, "a": -1e-300, "b": 12, "é\"\\\n": 3, "none": .nan, "more": .infinity, "less": -.infinity,
            "tiny": .leastNonzeroMagnitude, "large": .greatestFiniteMagnitude, "": 0,
        ]
        let read = try parse(Numbers.json(numbers))
        #expect(read.names.sorted() == numbers.keys.sorted())
        for (name, number) in numbers {
            #expect(read[name]?.bitPattern == number.bitPattern || number.isNaN, "\(name)")
        }
        #expect(read["none"]?.isNaN == true)
        let plain = numbers.filter { $0.value.isFinite && !$0.key.contains("\\") }
        #expect(try parse(Numbers.json(plain)).dictionary == plain)
    }

    @Test(arguments: [
        "{}", " { \"a\" : 1 , \"b\\/c\" : 2.5e-1 } ", "{\"a\":\"inf\"}", "{\"\\u0061\":1}", "{\"a/b\":1,\"c\\/d\":-0}",
    ])
    func anyJSONOfNumbersIsRead(_ text: String) throws {
        let expected: [String: [String: Double]] = [
            "{}": [:], " { \"a\" : 1 , \"b\\/c\" : 2.5e-1 } ": ["a": 1, "b/c": 0.25],
            "{\"a\":\"inf\"}": ["a": .infinity],
            "{\"\\u0061\":1}": ["a": 1], "{\"a/b\":1,\"c\\/d\":-0}": ["a/b": 1, "c/d": 0],
        ]
        #expect(try parse(text).dictionary == expected[text])
    }

    @Test(arguments: [
        "", "{", "{\"a\":}", "{\"a\":inf}", "{\"a\":0x1}", "{\"a\":1}}", "[1]", "{\"a\":{}}", "{\"a\"",
    ])
    func whatIsNoneIsRefused(_ text: String) {
        #expect(throws: (any Error).self) { try parse(text) }
    }
}
