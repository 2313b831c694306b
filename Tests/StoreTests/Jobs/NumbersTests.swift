import Testing

@testable import Store

struct NumbersTests {
    @Test func whatIsWrittenIsReadBack() throws {
        let numbers = [
            "loss/total": 0.1, "a": -1e-300, "b": 12, "é\"\\\n": 3, "none": .nan, "more": .infinity, "less": -.infinity,
            "tiny": .leastNonzeroMagnitude, "large": .greatestFiniteMagnitude, "": 0,
        ]
        let read = try Numbers.parse(Numbers.json(numbers))
        #expect(read.keys.sorted() == numbers.keys.sorted())
        for (name, number) in numbers {
            #expect(read[name]?.bitPattern == number.bitPattern || number.isNaN, "\(name)")
        }
        #expect(read["none"]?.isNaN == true)
        let plain = numbers.filter { $0.value.isFinite && !$0.key.contains("\\") }
        #expect(try Numbers.parse(Numbers.json(plain)) == plain)
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
        #expect(try Numbers.parse(text) == expected[text])
    }

    @Test(arguments: [
        "", "{", "{\"a\":}", "{\"a\":inf}", "{\"a\":0x1}", "{\"a\":1}}", "[1]", "{\"a\":{}}", "{\"a\"",
    ])
    func whatIsNoneIsRefused(_ text: String) {
        #expect(throws: (any Error).self) { try Numbers.parse(text) }
    }
}
