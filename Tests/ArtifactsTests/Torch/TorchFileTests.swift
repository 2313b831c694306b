import Glibc
import TestFiles
import Testing

@testable import Artifacts

/// Files that PyTorch wrote, against what PyTorch says they hold.
struct TorchFileTests {
    @Test(arguments: ["layouts", "plain_dict", "legacy"])
    func whatPyTorchSavedIsReadToTheBit(name: String) throws {
        let expected = try SafeTensors(contentsOf: TorchFixture.path(name + ".safetensors")).arrays
        let found = try TorchFile(contentsOf: TorchFixture.path(name + ".pth")).arrays

        #expect(found.keys.sorted() == expected.keys.sorted())
        for (name, array) in expected {
            #expect(found[name]?.shape == array.shape, "\(name)")
            #expect(found[name]?.floats.map(\.bitPattern) == array.floats.map(\.bitPattern), "\(name)")
        }
    }

    @Test func aModelsStateDictIsReadWithItsMetadataAndSharedStorages() throws {
        let expected = try SafeTensors(contentsOf: TorchFixture.path("tms_expected.safetensors")).arrays
        #expect(try TorchFile(contentsOf: TorchFixture.path("tms/tms.pth")).arrays == expected)
    }

    @Test(arguments: [3, 4, 5])
    func newerPickleProtocolsAreRead(version: Int) throws {
        let file = try TorchFile(contentsOf: TorchFixture.path("protocol\(version).pth"))
        let expected = (0..<24).map { Float($0 % 4 * 6 + $0 / 4) }
        #expect(file.arrays == ["w": .init(shape: [6, 4], expected)])
    }

    @Test func tensorsOfOtherTypesAreNamedWhereTheyAreTolerated() throws {
        for name in ["other_types", "legacy_other_types"] {
            let path = TorchFixture.path(name + ".pth")
            let file = try TorchFile(contentsOf: path, toleratingOtherTypes: true)
            #expect(file.arrays == ["w": .init(shape: [2], [0, 1] as [Float])])
            #expect(
                file.unread == ["position_ids": "torch.int64", "mask": "torch.int8", "phase": "torch.complex64"])
            #expect(throws: TorchFileError.self) { try TorchFile(contentsOf: path) }
        }
    }

    @Test(arguments: [
        ("bare_pickle", "it is a pickle that torch.save did not write; it was not executed"),
        (
            "legacy_evil",
            "its pickle asks for 'posix.system', which no state dict of float tensors needs; "
                + "it was not executed; in Python, save the weights alone: torch.save(model.state_dict(), path)"
        ),
        ("int64", "'steps' is of type torch.int64; only float32, float64, float16 and bfloat16 tensors are read"),
        (
            "uint16",
            "its pickle asks for 'torch._utils._rebuild_tensor_v3', which no state dict of float tensors needs; "
                + "it was not executed; in Python, save the weights alone: torch.save(model.state_dict(), path)"
        ),
        (
            "training_state",
            "'model' is a dict, not a tensor; "
                + "in Python, save the weights alone: torch.save(model.state_dict(), path)"
        ),
        (
            "module",
            "its pickle asks for 'torch.nn.modules.linear.Linear', which no state dict of float tensors needs; "
                + "it was not executed; in Python, save the weights alone: torch.save(model.state_dict(), path)"
        ),
        (
            "negated",
            "a tensor in it has a pending negation or conjugation; in Python, save its resolve_neg()"
        ),
        (
            "tensor",
            "it holds a single tensor, not a dict of tensors; "
                + "in Python, save the weights alone: torch.save(model.state_dict(), path)"
        ),
        (
            "script",
            "it is a TorchScript module; "
                + "in Python, save the weights alone: torch.save(model.state_dict(), path)"
        ),
        (
            "evil",
            "its pickle asks for 'posix.system', which no state dict of float tensors needs; "
                + "it was not executed; in Python, save the weights alone: torch.save(model.state_dict(), path)"
        ),
        (
            "compressed",
            "the entry 'plain_dict/byteorder' is compressed or encrypted, which torch.save never does; "
                + "load it in Python and save it again"
        ),
    ])
    func whatIsNoStateDictIsRefusedInWords(name: String, reason: String) throws {
        let path = TorchFixture.path("refused/\(name).pth")
        let error = #expect(throws: TorchFileError.self) { try TorchFile(contentsOf: path) }
        #expect(error?.description == "\(path) is not a usable PyTorch state dict: \(reason)")
    }

    @Test func filesThatCannotBeReadAreNamed() throws {
        let folder = try TemporaryFolder()
        let missing = FileError(.read, folder("x"), code: ENOENT)
        #expect(throws: TorchFileError.unreadable(missing)) {
            try TorchFile(contentsOf: folder("x"))
        }
        let path = TorchFixture.path("plain_dict.pth")
        #expect(
            throws: TorchFileError.unreadable(FileError(.read, path, reason: "it is 1917 bytes, over the limit of 99"))
        ) {
            try TorchFile(contentsOf: path, limit: 99)
        }
        try DurableFile.write("not a zip archive", to: folder("x"))
        let error = #expect(throws: TorchFileError.self) { try TorchFile(contentsOf: folder("x")) }
        #expect(
            error?.description == "\(folder("x")) is not a usable PyTorch state dict: "
                + "it is damaged: it does not begin as a zip archive does")
    }

    @Test func anEmptyStateDictIsRead() throws {
        #expect(try TorchFile(decoding: Pickle.file(Pickle.stateDict([]))).arrays.isEmpty)
    }

    @Test func scalarsAndEmptyTensorsKeepTheirShapes() throws {
        let pickle = Pickle.stateDict([
            ("scalar", Pickle.tensor(count: 4, offset: 2, shape: [], strides: [])),
            ("empty", Pickle.tensor(count: 4, offset: 4, shape: [0, 3], strides: [3, 1])),
        ])
        #expect(
            try TorchFile(decoding: Pickle.file(pickle)).arrays == [
                "scalar": .init(shape: [], [3] as [Float]), "empty": .init(shape: [0, 3], [] as [Float]),
            ])
    }

    @Test func largeArchivesFieldsAndPaddingAreRead() throws {
        let pickle = Pickle.stateDict([("w", Pickle.tensor(count: 4, shape: [2, 2], strides: [1, 2]))])
        var zip = Pickle.zip(pickle)
        zip.isZip64 = true
        zip.padding = 37
        #expect(try TorchFile(decoding: zip.bytes).arrays == ["w": .init(shape: [2, 2], [1, 3, 2, 4] as [Float])])
    }

    @Test func aTensorAssignedTwiceIsItsLastValue() throws {
        let pickle = Pickle.stateDict([
            ("w", Pickle.tensor(count: 4, shape: [1], strides: [1])),
            ("w", Pickle.tensor(count: 4, offset: 3, shape: [1], strides: [1])),
        ])
        #expect(try TorchFile(decoding: Pickle.file(pickle)).arrays == ["w": .init(shape: [1], [4] as [Float])])
    }

    @Test func theByteOrderIsHeeded() {
        var zip = Pickle.zip(Pickle.stateDict([]))
        zip.entries[1].contents = Array("big".utf8)
        #expect(
            throws: TorchFile.Fault.unsuitable(
                "it was saved on a big-endian machine; save it again on a little-endian one")
        ) {
            try TorchFile(decoding: zip.bytes)
        }
    }

    @Test func checksumsAreThoseOfZip() {
        #expect(CRC32.checksum(Array("123456789".utf8)[...]) == 0xCBF4_3926)
    }
}
