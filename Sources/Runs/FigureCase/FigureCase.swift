import Analysis
import Artifacts
import Experiments
import Foundation
import JSON
import Kernels

/// A target with a decomposition and batches in a folder of safetensors files, for which the numbers behind every
/// figure are computed.
///
/// `target.safetensors` holds `target.*` and, as metadata, the target's class and config; a decomposition's files hold
/// `components.*` and `gates.*`; `batches.safetensors` the rows or tokens. Files `expected.*` are never read.
public struct FigureCase {
    private let folder: String
    private let threads: Int

    /// Names a folder.
    public init(folder: String, threads: Int) { (self.folder, self.threads) = (folder, threads) }

    /// Computes everything and writes `expected.core`, `expected.analysis` or `expected.lm.safetensors`, and
    /// `expected.json`, into a folder.
    ///
    /// - Parameter output: The folder; it is made where it is missing.
    /// - Throws: `RunError.invalid` with what is missing or wrong; `RunError.failed` for files that cannot be written.
    public func write(to output: String) throws(RunError) {
        let numbers: FigureCaseNumbers
        do {
            let target = try file("target.safetensors")
            numbers = try RunKinds.of(targetClass: target.metadata("target_class"))
                .figureNumbers(target, files: self, threads: threads)
        } catch let error as RunError {
            throw error
        } catch {
            throw .invalid("\(folder): \(error)")
        }
        do {
            try numbers.write(to: output)
        } catch {
            throw .failed("\(error)")
        }
    }

    /// One of the folder's files.
    func file(_ name: String) throws -> GivenFile {
        let path = folder + "/" + name
        return GivenFile(try SafeTensors(contentsOf: path), path: path)
    }

    /// The folder's files whose names begin with a stem, in order.
    func names(beginningWith stem: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            $0.hasPrefix(stem) && $0.hasSuffix(".safetensors")
        }.sorted()
    }
}

/// A case's results, by the files that hold them.
struct FigureCaseNumbers {
    /// The arrays, by the file that they belong to: `core`, `analysis`, `lm`.
    var arrays: [String: [String: SafeTensors.Array]] = [:]
    /// The scalars and words.
    var members: [JSONValue.Member] = []
    private let name: String

    init(case name: String) {
        self.name = name
        set("case", .string(name))
    }

    mutating func set(_ name: String, _ value: JSONValue) { members.append(.init(name, value)) }

    /// Adds single-precision numbers.
    mutating func add(_ file: String, _ name: String, _ tensor: Tensor) {
        arrays[file, default: [:]][file + "." + name] = .init(shape: tensor.shape, tensor.values)
    }

    /// Adds an array under its whole name.
    mutating func add(_ file: String, whole name: String, _ array: SafeTensors.Array) {
        arrays[file, default: [:]][name] = array
    }

    /// Adds an order of columns, by the published names.
    mutating func add(_ order: ColumnOrder, _ file: String, name: String, unique: String) {
        add(file, whole: name, .init(shape: [order.columns.count], order.columns.map { Int64($0) }))
        add(file, whole: unique, .init(shape: [order.isUnique.count], order.isUnique.map { $0 ? Int32(1) : 0 }))
    }

    func write(to folder: String) throws {
        try DurableFile.createFolder(folder)
        for (file, arrays) in arrays.sorted(by: { $0.key < $1.key }) {
            try SafeTensors(arrays: arrays, metadata: ["format": "spd-figures-expected-1", "case": name])
                .write(to: "\(folder)/expected.\(file).safetensors")
        }
        try DurableFile.write(JSONValue.object(members).text + "\n", to: folder + "/expected.json")
    }
}

extension JSONValue {
    static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
    static func integers(_ values: [Int]) -> JSONValue { .array(values.map { .number($0) }) }
    static func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .number($0) }) }
    static func object(_ values: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(values.map { .init($0.key, $0.value) })
    }
}
