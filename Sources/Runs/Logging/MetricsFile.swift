import Artifacts
import Glibc
import JSON
public import Kernels
import Metrics

/// One logged step: names and numbers in the order they are written.
public struct MetricsRow: Sendable, Equatable {
    /// The step.
    public let step: Int
    /// Published names and their values.
    public let values: [(name: String, value: Double)]

    /// Compares steps, names and values.
    public static func == (a: MetricsRow, b: MetricsRow) -> Bool {
        a.step == b.step && a.values.elementsEqual(b.values, by: ==)
    }

    /// Everything that the published tool logs of a step, and how good the decomposition is.
    public init(_ report: StepReport, modules: [String], scores: [NamedNumber] = []) {
        step = report.step
        var values: [(String, Double)] = [
            (Metric.step.name, Double(report.step)), (Metric.learningRate.name, report.learningRate),
            (Metric.totalLoss.name, report.total),
        ]
        for term in LossTerm.allCases {
            if let loss = report.losses[term] { values.append((Metric.loss(term).name, loss)) }
        }
        values.append((Metric.gradientNorm.name, report.gradientNorm))
        for module in modules {
            if let alive = report.alive[module] {
                values.append((Metric.aliveSubcomponents.name(of: module), Double(alive)))
            }
            if let l0 = report.l0[module] { values.append((Metric.importanceL0.name(of: module), l0)) }
        }
        self.values = values + (report.measures + scores).map { ($0.name, $0.value) }
    }

    /// The row as one JSON object; the same numbers give the same text.
    public var json: String {
        let fields = values.map { "\"\($0.name)\":" + JSONValue.shortest($0.value).text }
        return "{" + fields.joined(separator: ",") + "}"
    }
}

/// The file of a run's logged steps.
///
/// Rows are appended whole; a row that a crash cut short is dropped when the file is opened again. Each attempt
/// continues in its own file, which takes the name of the one before: an attempt that does not know yet that it has
/// been superseded appends to a file that nobody sees.
final class MetricsFile {
    private let path: String
    private let descriptor: Int32

    /// Opens the file to continue from `step`: rows of that step and later ones will be computed again.
    init(path: String, from step: Int) throws(FileError) {
        self.path = path
        let rows = access(path, F_OK) == 0 ? try DurableFile.read(path, limit: 1 << 30) : []
        descriptor = try DurableFile.writeToAppend(
            Array(rows.prefix(Self.length(of: rows, before: step))), to: path,
            flush: rows.isEmpty ? .nothing : .contents)
    }

    deinit {
        close(descriptor)
    }

    /// How many bytes hold whole rows of steps before `step`.
    private static func length(of bytes: [UInt8], before step: Int) -> Int {
        var end = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
            let prefix = Array("{\"\(Metric.step.name)\":".utf8)
            guard line.starts(with: prefix),
                let found = Int(
                    String(
                        decoding: line.dropFirst(prefix.count).prefix { $0 != 0x2c && $0 != 0x7d },
                        as: UTF8.self)),
                found < step
            else { break }
            end += line.count + 1
        }
        return end
    }

    /// Appends a row.
    func append(_ row: MetricsRow) throws(FileError) {
        try DurableFile.writeAll((row.json + "\n").utf8, to: descriptor, path)
    }

    /// Makes what was appended survive a power cut.
    func flush() throws(FileError) {
        try DurableFile.flush(descriptor, path)
    }
}
