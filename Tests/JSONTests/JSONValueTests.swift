import JSON
import Testing

/// JSON as W&B writes it, with its three extra literals.
struct JSONValueTests {
    @Test(arguments: [
        #"{"a":[1,-0.5,1e-05,true,false,null,"x"],"b":{}}"#, #"{"_step":3,"x":NaN,"y":[Infinity,-Infinity]}"#,
        "[]",
        #""\"\\\n\t\u0001é😀""#,
    ]) func whatIsReadIsWrittenTheSame(text: String) throws {
        #expect(try JSONValue(parsing: text).text == text)
    }

    @Test func escapesBecomeTheirCharacters() throws {
        #expect(try JSONValue(parsing: #""\u00e9\ud83d\ude00\/""#) == .string("é😀/"))
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\" 1}", "01", "1.", "-", "\"\\x\"", "nul", "{} {}", "\"\n\"", "\u{7}",
    ])
    func whatIsNoJSONIsRefused(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test func nestingIsBounded() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 100_000)) }
    }

    @Test func numbersKeepTheirShortestDigits() {
        #expect(JSONValue.number(Float(0.1)).text == "0.1")
        #expect(JSONValue.number(1e-5).text == "1e-05")
        #expect(JSONValue.number(-Double.infinity).text == "-Infinity")
        #expect(JSONValue.number(Float.nan).text == "NaN")
        #expect(JSONValue.number(literal: "3.0").integer == 3)
    }
}
