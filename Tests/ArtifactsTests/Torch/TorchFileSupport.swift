import Foundation
import TestFiles

@testable import Artifacts

/// The files that PyTorch made; see `make.py` beside them.
enum TorchFixture {
    static func path(_ name: String) -> String {
        Checkout.fixture("torch/" + name)
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        try DurableFile.read(path(name), limit: 1 << 20)
    }
}

/// A zip archive as torch.save writes it, or with something wrong with it.
struct ZipBytes {
    var entries: [(name: String, contents: [UInt8])]
    var method: UInt16 = 0
    var flags: UInt16 = 0
    /// Puts sizes and offsets into zip64 fields.
    var isZip64 = false
    /// Bytes of padding after each name.
    var padding = 0
    var comment: [UInt8] = []
    /// What is added to an entry's size or offset in the directory.
    var sizeError: [String: Int] = [:]
    var offsetError: [String: Int] = [:]

    static func local(_ name: String, _ contents: [UInt8], padding: Int = 0) -> [UInt8] {
        let crc = CRC32.checksum(contents[...])
        let size = UInt32(contents.count)
        return le(UInt32(0x0403_4B50)) + le(UInt16(0)) + le(UInt16(0)) + le(UInt16(0)) + le(UInt32(0)) + le(crc)
            + le(size) + le(size) + le(UInt16(name.utf8.count)) + le(UInt16(padding)) + Array(name.utf8)
            + [UInt8](repeating: 0x5A, count: padding) + contents
    }

    func directoryEntry(_ name: String, _ contents: [UInt8], offset: Int) -> [UInt8] {
        let size = UInt64(contents.count + (sizeError[name] ?? 0))
        let offset = UInt64(offset + (offsetError[name] ?? 0))
        let field = isZip64 ? le(UInt16(1)) + le(UInt16(24)) + le(size) + le(size) + le(offset) : []
        let narrow = { (number: UInt64) in isZip64 ? UInt32.max : UInt32(number) }
        return le(UInt32(0x0201_4B50)) + le(UInt32(0)) + le(flags) + le(method) + le(UInt32(0))
            + le(CRC32.checksum(contents[...])) + le(narrow(size)) + le(narrow(size))
            + le(UInt16(name.utf8.count)) + le(UInt16(field.count)) + le(UInt16(0)) + le(UInt64(0))
            + le(narrow(offset)) + Array(name.utf8) + field
    }

    func ending(count: Int, size: Int, offset: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        if isZip64 {
            bytes += le(UInt32(0x0606_4B50)) + le(UInt64(44)) + [UInt8](repeating: 0, count: 12)
            bytes += le(UInt64(count)) + le(UInt64(count)) + le(UInt64(size)) + le(UInt64(offset))
            bytes += le(UInt32(0x0706_4B50)) + le(UInt32(0)) + le(UInt64(offset + size)) + le(UInt32(1))
        }
        let (count, size, offset) =
            isZip64 ? (.max, .max, .max) : (UInt16(count), UInt32(size), UInt32(offset))
        return bytes + le(UInt32(0x0605_4B50)) + le(UInt32(0)) + le(count) + le(count) + le(size) + le(offset)
            + le(UInt16(comment.count)) + comment
    }

    var bytes: [UInt8] {
        var (result, directory): ([UInt8], [UInt8]) = ([], [])
        for (name, contents) in entries {
            directory += directoryEntry(name, contents, offset: result.count)
            result += Self.local(name, contents, padding: padding)
        }
        return result + directory + ending(count: entries.count, size: directory.count, offset: result.count)
    }
}

/// A number's bytes, little-endian.
func le(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
}

/// Instructions of pickles.
enum Pickle {
    static let emptyTuple: [UInt8] = [0x29]
    static let orderedDict = global("collections", "OrderedDict") + emptyTuple + [UInt8(ascii: "R")]

    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

    static func text(_ text: String) -> [UInt8] {
        [UInt8(ascii: "X")] + le(UInt32(text.utf8.count)) + Array(text.utf8)
    }

    static func integer(_ number: Int) -> [UInt8] { [0x8A, 8] + le(Int64(number)) }

    static func tuple(_ items: [[UInt8]]) -> [UInt8] {
        [UInt8(ascii: "(")] + items.joined() + [UInt8(ascii: "t")]
    }

    static func storage(_ key: String, type: String = "FloatStorage", count: Int) -> [UInt8] {
        tuple([text("storage"), global("torch", type), text(key), text("cpu"), integer(count)])
            + [UInt8(ascii: "Q")]
    }

    static func tensor(
        key: String = "0", type: String = "FloatStorage", count: Int, offset: Int = 0, shape: [Int], strides: [Int]
    ) -> [UInt8] {
        global("torch._utils", "_rebuild_tensor_v2")
            + tuple([
                storage(key, type: type, count: count), integer(offset), tuple(shape.map(integer)),
                tuple(strides.map(integer)), [0x89], orderedDict,
            ]) + [UInt8(ascii: "R")]
    }

    /// A whole pickle of an OrderedDict with these entries.
    static func stateDict(_ entries: [(String, [UInt8])]) -> [UInt8] {
        let items = entries.map { text($0) + $1 + [UInt8(ascii: "s")] }
        return [0x80, 2] + orderedDict + items.joined() + [UInt8(ascii: ".")]
    }

    /// A file of a pickle and storages, in the archive's usual folder.
    static func file(_ pickle: [UInt8], storages: [String: [Float]] = ["0": [1, 2, 3, 4]]) -> [UInt8] {
        zip(pickle, storages: storages).bytes
    }

    static func zip(_ pickle: [UInt8], storages: [String: [Float]] = ["0": [1, 2, 3, 4]]) -> ZipBytes {
        let data = storages.sorted { $0.key < $1.key }.map {
            (name: "m/data/" + $0.key, contents: $0.value.flatMap { le($0.bitPattern) })
        }
        return ZipBytes(entries: [("m/data.pkl", pickle), ("m/byteorder", Array("little".utf8))] + data)
    }
}
