import Artifacts

/// Frames records as W&B's `.wandb` files do: LevelDB's log format with zlib's CRC-32.
struct RecordLog {
    private static let blockSize = 32768
    private static let headerSize = 7

    /// The file so far: `:W&B`, the magic 0xBEE1, version 0, then chunks.
    private(set) var bytes: [UInt8] = Array(":W&B".utf8) + [0xE1, 0xBE, 0]

    /// Adds one record, in as many chunks as the blocks' ends ask for.
    mutating func add(_ record: [UInt8]) {
        var rest = record[...]
        var isFirst = true
        repeat {
            var room = Self.blockSize - bytes.count % Self.blockSize
            if room < Self.headerSize {
                bytes.append(contentsOf: repeatElement(0, count: room))
                room = Self.blockSize
            }
            let part = rest.prefix(room - Self.headerSize)
            rest = rest.dropFirst(part.count)
            // 1 a whole record, 2 its first part, 3 one between, 4 its last.
            let type: UInt8 = isFirst ? (rest.isEmpty ? 1 : 2) : (rest.isEmpty ? 4 : 3)
            let sum = CRC32.checksum(ArraySlice([type] + part))
            for shift in stride(from: 0, to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: sum >> shift))
            }
            bytes.append(UInt8(truncatingIfNeeded: part.count))
            bytes.append(UInt8(truncatingIfNeeded: part.count >> 8))
            bytes.append(type)
            bytes.append(contentsOf: part)
            isFirst = false
        } while !rest.isEmpty
    }
}
