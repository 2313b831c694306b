import TestFiles
import Testing

@testable import Artifacts

/// Files that were damaged, or made to do damage.
struct TorchFileHostileTests {
    // MARK: Damage

    @Test(arguments: ["tms/tms.pth", "protocol4.pth", "legacy_other_types.pth"])
    func everyTruncationIsRefused(name: String) throws {
        let bytes = try TorchFixture.bytes(name)
        for length in 0..<bytes.count {
            #expect(throws: TorchFile.Fault.self, "\(length) bytes") {
                try TorchFile(decoding: Array(bytes[..<length]))
            }
        }
    }

    @Test func anyChangedByteIsNoticedOrChangesNothing() throws {
        let bytes = try TorchFixture.bytes("tms/tms.pth")
        let expected = try TorchFile(decoding: bytes)
        var numbers = SeededGenerator(seed: 1)
        for index in bytes.indices {
            for change in [1, UInt8.random(in: 1...255, using: &numbers)] {
                var changed = bytes
                changed[index] ^= change
                do {
                    #expect(try TorchFile(decoding: changed) == expected, "byte \(index) ^ \(change)")
                } catch {}
            }
        }
    }

    @Test(arguments: ["layouts.pth", "legacy.pth"]) func scrambledFilesAreRefusedOrRead(name: String) throws {
        let bytes = try TorchFixture.bytes(name)
        var numbers = SeededGenerator(seed: 2)
        for _ in 0..<2000 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...8, using: &numbers) { Self.scramble(&changed, &numbers) }
            do {
                try expectConsistent(TorchFile(decoding: changed), size: changed.count)
            } catch {}
        }
    }

    /// With checksums that fit, so that the interpreter sees every kind of nonsense.
    @Test(arguments: ["layouts.pth", "tms/tms.pth", "protocol4.pth"])
    func scrambledPicklesAreRefusedOrRead(name: String) throws {
        let archive = try ZipArchive(TorchFixture.bytes(name))
        let entries = try archive.names.sorted().map { try (name: $0, contents: Array(archive.contents(of: $0) ?? [])) }
        let index = try #require(entries.firstIndex { $0.name.hasSuffix("/data.pkl") })
        var numbers = SeededGenerator(seed: 3)
        var isRead = 0
        for _ in 0..<1500 {
            var zip = ZipBytes(entries: entries)
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                Self.scramble(&zip.entries[index].contents, &numbers)
            }
            let bytes = zip.bytes
            do {
                try expectConsistent(TorchFile(decoding: bytes), size: bytes.count)
                isRead += 1
            } catch {}
        }
        #expect(isRead > 0 && isRead < 1500)
    }

    private static func scramble(_ bytes: inout [UInt8], _ numbers: inout SeededGenerator) {
        let place = Int.random(in: 0..<max(1, bytes.count), using: &numbers)
        let end = min(bytes.count, place + Int.random(in: 0...12, using: &numbers))
        switch Int.random(in: 0..<6, using: &numbers) {
        case 0: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &numbers) ?? 0
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
        case 2: bytes.replaceSubrange(place..<end, with: repeatElement(0xFF, count: end - place))
        case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
        case 4 where end - place < bytes.count: bytes.removeSubrange(place..<end)
        default: bytes[place] = Array("().tRsubhqjrQKJMX}]0c".utf8).randomElement(using: &numbers) ?? 0
        }
    }

    private func expectConsistent(_ file: TorchFile, size: Int) {
        #expect(file.arrays.values.allSatisfy { $0.shape.reduce(1, *) == $0.floats.count })
        #expect(file.arrays.values.reduce(0) { $0 + $1.floats.count } <= max(1 << 20, 2 * size))
    }

    // MARK: Pickles

    private static let stop = UInt8(ascii: ".")

    @Test(arguments: [
        Pickle.global("os", "system") + Pickle.tuple([Pickle.text("touch x")]) + [UInt8(ascii: "R")],
        Pickle.text("os") + Pickle.text("system") + [0x93] + Pickle.tuple([Pickle.text("touch x")])
            + [UInt8(ascii: "R")],
        [UInt8(ascii: "(")] + Pickle.text("touch x") + Array("ios\nsystem\n".utf8),
    ])
    func codeIsRefusedByItsName(pickle: [UInt8]) {
        #expect(throws: TorchFile.Fault.foreign("'os.system'")) {
            try TorchFile(decoding: Pickle.file([0x80, 2] + pickle + [Self.stop]))
        }
    }

    @Test(arguments: [
        ("builtins", "eval"), ("torch", "load"), ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("torch", "UntypedStorage"), ("collections", "OrderedDict.__init__"), ("__builtin__", "getattr"),
    ])
    func nearMissesOfKnownNamesAreRefused(module: String, name: String) {
        #expect(throws: TorchFile.Fault.foreign("'\(module).\(name)'")) {
            try TorchFile(decoding: Pickle.file(Pickle.stateDict([("w", Pickle.global(module, name))])))
        }
    }

    @Test func namesCannotWriteToTheTerminal() {
        let name = "\u{1B}[2J" + String(repeating: "x", count: 100)
        #expect(throws: TorchFile.Fault.foreign("'os.?[2J\(String(repeating: "x", count: 73))…'")) {
            try TorchFile(decoding: Pickle.file(Pickle.stateDict([("w", Pickle.global("os", name))])))
        }
    }

    @Test(arguments: [0x81, 0x92, 0x82, 0x8F, 0x97, UInt8(ascii: "P"), UInt8(ascii: "o"), UInt8(ascii: "I"), 0xFF])
    func instructionsWithoutUseAreRefused(instruction: UInt8) {
        let reason =
            "its pickle has the instruction 0x\(String(instruction, radix: 16)), which no state dict needs; "
            + "it was not executed"
        #expect(throws: TorchFile.Fault.unsuitable(reason)) {
            try TorchFile(decoding: Pickle.file([0x80, 2, instruction, Self.stop]))
        }
    }

    @Test(arguments: [
        ".", "", "t.", "u.", "s.", "R.", "Q.", "b.", "(.", "N(.", "h\u{5}.", "q\u{0}.", "N(\u{85}.", "N(R.", "NN.",
        "N.N", "(NN", "K", "X\u{7F}\u{0}\u{0}\u{0}x.", "cos", "cos\nsystem", "]NNs.", "}Na.", "}(Nu.", ")Q.",
        "}N}b}s.", "ccollections\nOrderedDict\nN\u{85}R.", "ctorch\nFloatStorage\n)R.", "NNb.",
        "ctorch._utils\n_rebuild_tensor_v2\n)R.", "ctorch._utils\n_rebuild_parameter\n(NNNtR.",
    ])
    func nonsenseIsRefused(pickle: String) {
        #expect(throws: TorchFile.Fault.damaged("its pickle is malformed")) {
            try TorchFile(decoding: Pickle.file([0x80, 2] + pickle.unicodeScalars.map { UInt8($0.value) }))
        }
    }

    @Test func depthCostsNothing() {
        let pickle = [0x80, 2, UInt8(ascii: ")")] + [UInt8](repeating: 0x85, count: 300_000) + [Self.stop]
        #expect(throws: Self.notADict("a tuple")) { try TorchFile(decoding: Pickle.file(pickle)) }
    }

    @Test func cyclesAndDoublingsCostNothing() {
        // A list that holds itself, then sixty tuples of which each holds the one before it twice.
        var pickle: [UInt8] = [0x80, 2] + Array("]q\u{0}h\u{0}a".utf8)
        for _ in 0..<60 { pickle += Array("q\u{0}h\u{0}".utf8) + [0x86] }
        #expect(throws: Self.notADict("a tuple")) { try TorchFile(decoding: Pickle.file(pickle + [Self.stop])) }
    }

    @Test(arguments: ["]", "(", "h\u{0}"])
    func instructionsAreCounted(instruction: String) {
        let pickle = Array("\u{5D}q\u{0}".utf8) + repeatElement(Array(instruction.utf8), count: 1 << 20).joined()
        #expect(
            throws: TorchFile.Fault.unsuitable(
                "its pickle has over 1048576 instructions, more than state dicts have")
        ) {
            try TorchFile(decoding: Pickle.file(pickle))
        }
    }

    @Test func longTextsAreRefused() {
        let pickle = Pickle.stateDict([(String(repeating: "x", count: 4097), [UInt8(ascii: "N")])])
        #expect(
            throws: TorchFile.Fault.unsuitable("its pickle has a text of 4097 bytes; names in state dicts are shorter")
        ) {
            try TorchFile(decoding: Pickle.file(pickle))
        }
    }

    @Test func shapesOfManyDimensionsAreRefused() {
        let ones = [Int](repeating: 1, count: 65)
        let pickle = Pickle.stateDict([("w", Pickle.tensor(count: 4, shape: ones, strides: ones))])
        #expect(throws: StateDictPickle.malformed) { try TorchFile(decoding: Pickle.file(pickle)) }
    }

    private static func notADict(_ found: String) -> TorchFile.Fault {
        .unsuitable(
            "it holds \(found), not a dict of tensors; "
                + "in Python, save the weights alone: torch.save(model.state_dict(), path)")
    }

    // MARK: Tensors

    @Test(
        arguments: [
            (0, [5], [1]), (1, [4], [1]), (4, [], []), (-1, [1], [1]), (0, [2, 2], [1]), (0, [-1], [1]),
            (3, [4], [-1]), (0, [2, 2], [3, 1]), (0, [2], [.max]), (0, [3], [.max]), (.max, [2], [1]),
            (0, [1, 1], [1]),
        ] as [(Int, [Int], [Int])])
    func viewsOutsideTheStorageAreRefused(offset: Int, shape: [Int], strides: [Int]) {
        let tensor = Pickle.tensor(count: 4, offset: offset, shape: shape, strides: strides)
        #expect(
            throws: TorchFile.Fault.damaged("'w' has a shape or strides that do not fit its storage of 4 numbers")
        ) {
            try TorchFile(decoding: Pickle.file(Pickle.stateDict([("w", tensor)])))
        }
    }

    @Test(arguments: [[1 << 40], [1 << 33, 1 << 33], [.max, .max, .max], [1 << 20, 2]])
    func numbersRepeatedWithoutEndAreRefused(shape: [Int]) {
        let tensor = Pickle.tensor(count: 4, shape: shape, strides: shape.map { _ in 0 })
        #expect(
            throws: TorchFile.Fault.unsuitable("'w' has over 1048576 numbers, far more than the file's bytes hold")
        ) {
            try TorchFile(decoding: Pickle.file(Pickle.stateDict([("w", tensor)])))
        }
    }

    @Test func manyLargeViewsOfOneNumberAreRefused() throws {
        let pickle = Pickle.stateDict(
            (0..<20).map { ("w\($0)", Pickle.tensor(count: 4, shape: [100_000], strides: [0])) })
        let bytes = Pickle.file(pickle)
        let reason = "its tensors have over 1048576 numbers, far more than its \(bytes.count) bytes hold"
        #expect(throws: TorchFile.Fault.unsuitable(reason)) { try TorchFile(decoding: bytes) }
    }

    @Test(arguments: [
        ("0", "FloatStorage", 5, "the storage of 'w' should hold 5 numbers of 4 bytes, but is 16 bytes long"),
        ("0", "FloatStorage", 3, "the storage of 'w' should hold 3 numbers of 4 bytes, but is 16 bytes long"),
        ("0", "DoubleStorage", 4, "the storage of 'w' should hold 4 numbers of 8 bytes, but is 16 bytes long"),
        (
            "0", "FloatStorage", .max,
            "the storage of 'w' should hold \(Int.max) numbers of 4 bytes, but is 16 bytes long"
        ),
        ("1", "FloatStorage", 4, "the storage '1' of 'w' is missing"),
        ("../0", "FloatStorage", 4, "the storage '../0' of 'w' is missing"),
    ])
    func storagesThatAreNotThereAreRefused(key: String, type: String, count: Int, reason: String) {
        let tensor = Pickle.tensor(key: key, type: type, count: count, shape: [1], strides: [1])
        #expect(throws: TorchFile.Fault.damaged(reason)) {
            try TorchFile(decoding: Pickle.file(Pickle.stateDict([("w", tensor)])))
        }
    }

    // MARK: Archives

    private let zip = Pickle.zip(
        Pickle.stateDict([("w", Pickle.tensor(count: 4, shape: [4], strides: [1]))]))

    private func fault(_ change: (inout ZipBytes) -> Void) -> TorchFile.Fault? {
        var zip = zip
        change(&zip)
        return #expect(throws: TorchFile.Fault.self) { try TorchFile(decoding: zip.bytes) }
    }

    @Test(arguments: [false, true])
    func directoriesThatLieAreRefused(isZip64: Bool) {
        let elsewhere = TorchFile.Fault.damaged("the entry 'm/data/0' is not where the directory says")
        for offset in [1, -1, 40, isZip64 ? Int.max / 2 : 1 << 30] {
            #expect(fault { ($0.isZip64, $0.offsetError) = (isZip64, ["m/data/0": offset]) } == elsewhere)
        }
        let large = isZip64 ? Int.max / 2 : 1 << 31
        #expect(fault { ($0.isZip64, $0.sizeError) = (isZip64, ["m/data/0": large]) } == elsewhere)
        #expect(
            fault { ($0.isZip64, $0.sizeError) = (isZip64, ["m/data.pkl": 4]) } == .damaged("its entries overlap"))
        #expect(
            fault { ($0.isZip64, $0.sizeError) = (isZip64, ["m/data.pkl": -4]) }
                == .damaged("the checksum of 'm/data.pkl' is wrong"))
    }

    @Test func entriesInsideEachOtherAreRefused() {
        let inner = ZipBytes.local("m/data/1", [1, 2, 3, 4])
        let archive = ZipBytes(entries: [("m/data/0", inner), ("m/data.pkl", Pickle.stateDict([]))])
        let outer = ZipBytes.local("m/data/0", inner)
        let data = outer + ZipBytes.local("m/data.pkl", Pickle.stateDict([]))
        let directory =
            archive.directoryEntry("m/data/0", inner, offset: 0)
            + archive.directoryEntry("m/data/1", [1, 2, 3, 4], offset: outer.count - inner.count)
            + archive.directoryEntry("m/data.pkl", Pickle.stateDict([]), offset: outer.count)
        let bytes = data + directory + archive.ending(count: 3, size: directory.count, offset: data.count)
        #expect(throws: TorchFile.Fault.damaged("its entries overlap")) { try TorchFile(decoding: bytes) }
    }

    @Test func unusualArchivesAreRefused() {
        let compressed = TorchFile.Fault.unsuitable(
            "the entry 'm/byteorder' is compressed or encrypted, which torch.save never does; "
                + "load it in Python and save it again")
        #expect(fault { $0.method = 8 } == compressed)
        #expect(fault { $0.flags = 1 } == compressed)
        #expect(
            fault { $0.comment = [1] }
                == .damaged("its end is missing; it may have been copied or downloaded in part"))
        #expect(fault { $0.entries.append($0.entries[0]) } == .damaged("it holds 'm/data.pkl' twice"))
        let without = TorchFile.Fault.unsuitable(
            "it is a zip archive without a data.pkl, so torch.save did not write it")
        #expect(fault { $0.entries.removeFirst() } == without)
        #expect(fault { $0.entries.append(("n/data.pkl", [])) } == without)
    }

    @Test func directoriesMustHaveAsManyEntriesAsTheySay() {
        let data = ZipBytes.local("m/data.pkl", Pickle.stateDict([]))
        let directory = zip.directoryEntry("m/data.pkl", Pickle.stateDict([]), offset: 0)
        let bytes = data + directory + zip.ending(count: 2, size: directory.count, offset: data.count)
        #expect(throws: TorchFile.Fault.damaged("its directory should list 2 entries, but lists 1")) {
            try TorchFile(decoding: bytes)
        }
        for (size, offset) in [(directory.count, data.count + 1), (1 << 31, 0), (0, 1 << 31)] {
            #expect(throws: TorchFile.Fault.damaged("its directory is not where it says")) {
                try TorchFile(decoding: data + directory + zip.ending(count: 1, size: size, offset: offset))
            }
        }
    }
}
