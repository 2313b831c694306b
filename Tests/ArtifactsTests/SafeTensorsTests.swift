import Foundation
import TestFiles
import Testing

@testable import Artifacts

@Suite struct SafeTensorsTests {
    private let example = SafeTensors(
        arrays: [
            "W": .init(shape: [2, 3], [1, -2.5, 0, .infinity, .leastNonzeroMagnitude, 3.25] as [Float]),
            "a.double": .init(shape: [2], [Double.pi, -1e300]),
            "empty": .init(shape: [0, 7], [] as [Float]),
            "scalar \"quoted\" \\ ü\n": .init(shape: [], [42] as [Float]),
        ],
        metadata: ["config": "{\"C\": 20}\n\u{1}", "π": "\t€\\"])

    @Test func whatIsWrittenIsReadBack() throws {
        let folder = try TemporaryFolder()
        try example.write(to: folder("x.safetensors"))
        #expect(try SafeTensors(contentsOf: folder("x.safetensors")) == example)
        let nothing = SafeTensors(arrays: [:])
        try nothing.write(to: folder("x.safetensors"))
        #expect(try SafeTensors(contentsOf: folder("x.safetensors")) == nothing)
        #expect(try folder.names == ["x.safetensors"])
    }

    /// The bytes that the format's own library writes: larger elements first, names in order, header padded to 8.
    @Test func theBytesAreTheFormats() {
        let file = SafeTensors(
            arrays: [
                "b": .init(shape: [1], [1] as [Float]), "a": .init(shape: [1], [2] as [Float]),
                "z": .init(shape: [1], [1] as [Double]),
            ],
            metadata: ["k": "v"])
        let header = """
            {"__metadata__":{"k":"v"},"z":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},\
            "a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},\
            "b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}
            """
        let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let expected: [UInt8] =
            [UInt8(padded.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(padded.utf8)
            + [0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x80, 0x3F]
        #expect(file.encoded() == expected)
    }

    @Test(arguments: ["BOOL": 1, "I8": 1, "U16": 2, "F8_E4M3": 1, "C64": 8])
    func arraysOfOtherTypesAreNamedWhereTheyAreTolerated(type: String, size: Int) throws {
        let header = """
            {"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},\
            "other":{"dtype":"\(type)","shape":[2],"data_offsets":[4,\(4 + 2 * size)]}}
            """
        let bytes: [UInt8] =
            [UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8)
            + [0, 0, 0x80, 0x3F] + [UInt8](repeating: 0, count: 2 * size)
        let file = try SafeTensors(bytes, of: "x", toleratingOtherTypes: true)
        #expect(file.arrays == ["w": .init(shape: [1], [1] as [Float])])
        #expect(file.unread == ["other": type])
        let error = #expect(throws: SafeTensorsError.self) { try SafeTensors(bytes, of: "x") }
        #expect("\(try #require(error))".contains("'other' is of type \(type)"))
    }

    @Test func theSameContentsGiveTheSameBytes() {
        var other = SafeTensors(arrays: [:])
        for name in example.arrays.keys.sorted().reversed() { other.arrays[name] = example.arrays[name] }
        for key in example.metadata.keys.sorted().reversed() { other.metadata[key] = example.metadata[key] }
        #expect(other.encoded() == example.encoded())
        #expect(example.encoded().count % 4 == 0)
    }

    @Test func arraysStartAtMultiplesOfTheirElements() throws {
        for length in 0..<9 {
            let file = SafeTensors(
                arrays: [
                    String(repeating: "n", count: length + 1): .init(shape: [3], [1, 2, 3] as [Float]),
                    "d": .init(shape: [1], [7] as [Double]),
                ])
            let bytes = file.encoded()
            #expect(bytes[0] % 8 == 0)
            #expect(try SafeTensors(decoding: bytes) == file)
        }
    }

    // MARK: Other number formats

    private func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8) + data
    }

    private func one(_ type: String, shape: String = "[4]", _ data: [UInt8]) -> [UInt8] {
        file("{\"x\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[0,\(data.count)]}}", data)
    }

    @Test func halfPrecisionIsWidened() throws {
        // 1, -2, 65504 (the largest), 2^-24 (the smallest), 2^-14 (the smallest normal), ±0, infinities, 1/3
        let bits: [UInt16] = [0x3C00, 0xC000, 0x7BFF, 0x0001, 0x0400, 0x0000, 0x8000, 0x7C00, 0xFC00, 0x3555]
        let values: [Float] = [
            1, -2, 65504, 0x1p-24, 0x1p-14, 0, -0.0, .infinity, -.infinity, 0.333251953125,
        ]
        let data = bits.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let array = try #require(SafeTensors(decoding: one("F16", shape: "[2,5]", data)).arrays["x"])
        #expect(array == .init(shape: [2, 5], values))
        #expect(array.floats[6].sign == .minus)
        let nan = try SafeTensors(decoding: one("F16", shape: "[1]", [0x01, 0x7E])).arrays["x"]
        #expect(nan?.floats[0].isNaN == true)
        #expect(SafeTensors.half(0x03FF) == Float(1023) * 0x1p-24)
    }

    @Test func brainFloatsAreWidened() throws {
        let data: [UInt8] = [0x80, 0x3F, 0x00, 0xC0, 0x80, 0x7F, 0x49, 0x40]
        let array = try SafeTensors(decoding: one("BF16", data)).arrays["x"]
        #expect(array?.floats == [1, -2, .infinity, 3.140625])
    }

    @Test func doublesStayDoublesAndCanBeNarrowed() throws {
        let data = [Double.pi, -0.1].flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian) { Array($0) } }
        let array = try #require(SafeTensors(decoding: one("F64", shape: "[2]", data)).arrays["x"])
        #expect(array.elements == .float64([.pi, -0.1]))
        #expect(array.floats == [Float(Double.pi), -0.1])
    }

    // MARK: Damage

    private func reason(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) -> String {
        let error = #expect(throws: SafeTensors.Damage.self, sourceLocation: sourceLocation) {
            try SafeTensors(decoding: bytes)
        }
        return error?.reason ?? ""
    }

    @Test func damageIsNamed() {
        let data: [UInt8] = [0, 0, 128, 63]
        #expect(reason([1, 2, 3]) == "it is only 3 bytes long")
        #expect(
            reason([9, 0, 0, 0, 0, 0, 0, 0, 123]) == "its header should be 9 bytes long, but 1 are there")
        #expect(
            reason([UInt8](repeating: 255, count: 16))
                == "its header should be 18446744073709551615 bytes long, but 8 are there")
        #expect(reason(file("{\"x\":", [])) == "its header is not JSON")
        #expect(reason(file("[1]", [])) == "its header is not an object")
        #expect(reason(file("{\"__metadata__\":{\"a\":1}}", [])) == "its metadata are not strings")
        #expect(reason(file("{\"x\":1}", [])) == "the entry of 'x' is malformed")
        #expect(
            reason(one("U64", shape: "[1]", data + data))
                == "'x' is of type U64; only F32, F64, F16, BF16, I64 and I32 are read")
        #expect(reason(one("F32", shape: "[2]", data)) == "'x' has shape [2] but the bytes [0, 4] of 4")
        #expect(reason(one("F32", shape: "[-1]", data)) == "'x' has the impossible shape [-1]")
        #expect(
            reason(one("F32", shape: "[4294967296,4294967296]", data))
                == "'x' has the impossible shape [4294967296, 4294967296]")
        #expect(reason(one("F32", shape: "[1.5]", data)) == "the entry of 'x' is malformed")
        #expect(reason(one("F32", shape: "[99999999999999999999]", data)) == "the entry of 'x' is malformed")
        #expect(reason(one("F32", shape: "[1]", data) + [0]).contains("but 5 are there"))
    }

    @Test(arguments: [
        // overlap, gap, gap at the start, order reversed but overlapping, twice the same place
        ("[0,8]", "[4,8]"), ("[0,4]", "[8,12]"), ("[4,8]", "[8,12]"), ("[8,12]", "[0,12]"),
        ("[0,12]", "[0,12]"),
    ])
    func arraysThatOverlapOrLeaveGapsAreRefused(first: String, second: String) {
        func entry(_ offsets: String) -> String {
            let numbers = offsets.dropFirst().dropLast().split(separator: ",").compactMap { Int($0) }
            return
                "{\"dtype\":\"F32\",\"shape\":[\((numbers[1] - numbers[0]) / 4)],\"data_offsets\":\(offsets)}"
        }
        let header = "{\"a\":\(entry(first)),\"b\":\(entry(second))}"
        let message = reason(file(header, [UInt8](repeating: 0, count: 12)))
        #expect(message.contains("overlap or leave gaps") || message.contains("12 are there"))
    }

    @Test(arguments: [
        "[4,0]", "[-4,0]", "[0]", "[0,4,4]", "[0,8]", "[0,9223372036854775807]", "{}", "[\"0\",\"4\"]",
    ])
    func offsetsOutsideTheDataAreRefused(offsets: String) {
        let header = "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":\(offsets)}}"
        #expect(reason(file(header, [0, 0, 0, 0])).contains("'x'"))
    }

    @Test func everyTruncationIsRefused() {
        let bytes = example.encoded()
        for length in 0..<bytes.count { _ = reason(Array(bytes[..<length])) }
    }

    /// Whatever the bytes, they are refused or what they give is consistent; nothing is trusted before it is checked.
    @Test func mutatedFilesAreRefusedOrRead() {
        let bytes = example.encoded()
        var numbers = SeededGenerator(seed: 5)
        var refused = 0
        for _ in 0..<4000 {
            var mutated = bytes
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                let place = Int.random(in: 0..<mutated.count, using: &numbers)
                switch Int.random(in: 0..<4, using: &numbers) {
                case 0: mutated[place] = UInt8.random(in: 0...255, using: &numbers)
                case 1: mutated[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
                case 2: mutated.remove(at: place)
                default: mutated.insert(UInt8(ascii: "9"), at: place)
                }
            }
            do throws(SafeTensors.Damage) {
                for array in try SafeTensors(decoding: mutated).arrays.values {
                    #expect(array.floats.count == array.shape.reduce(1, *))
                }
            } catch {
                refused += 1
                #expect(!error.reason.isEmpty)
            }
        }
        #expect(refused > 2000 && refused < 4000)
    }

    @Test func deeplyNestedHeadersAreRefused() {
        let header = String(repeating: "{\"a\":", count: 50_000) + "1" + String(repeating: "}", count: 50_000)
        _ = reason(file(header, []))
        _ = reason(file(String(repeating: "[", count: 200_000), []))
    }

    @Test func whatIsNoSuchFileIsToldByItsPath() throws {
        let folder = try TemporaryFolder()
        func message(_ name: String, limit: Int = 1 << 20) -> String {
            let error = #expect(throws: SafeTensorsError.self) {
                try SafeTensors(contentsOf: folder(name), limit: limit)
            }
            return error?.description ?? ""
        }
        #expect(message("missing") == "cannot read \(folder("missing")): No such file or directory")
        try DurableFile.write([1, 2, 3], to: folder("short"))
        #expect(
            message("short") == "\(folder("short")) is not a usable safetensors file: it is only 3 bytes long"
        )
        #expect(
            message("short", limit: 2)
                == "cannot read \(folder("short")): it is 3 bytes, over the limit of 2")
    }
}
