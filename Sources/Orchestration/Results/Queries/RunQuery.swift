import Foundation
package import Queries

/// Which of a job's runs are wanted, in what order, and what of them: `--where`, `--sort`, `--group-by`, `--columns`.
package struct RunQuery {
    package let condition: Condition?
    package let order: NameList?
    package let grouping: NameList?
    package let columns: NameList?

    /// Reads the options' texts.
    ///
    /// - Throws: ``Failure``, which names the option, the place and what was expected there.
    package init(
        where condition: String? = nil, sort: String? = nil, groupBy: String? = nil, columns: String? = nil
    ) throws(Failure) {
        self.condition = try Self.read("--where", condition) { (text) throws(QueryError) in
            try Condition(parsing: text)
        }
        order = try Self.read("--sort", sort) { (text) throws(QueryError) in
            try NameList(parsing: text, isSigned: true)
        }
        grouping = try Self.read("--group-by", groupBy) { (text) throws(QueryError) in try NameList(parsing: text) }
        self.columns = try Self.read("--columns", columns) { (text) throws(QueryError) in try NameList(parsing: text) }
    }

    /// Whether nothing was asked for.
    package var isNone: Bool { condition == nil && order == nil && grouping == nil && columns == nil }

    private static func read<T>(
        _ option: String, _ text: String?, _ body: (String) throws(QueryError) -> T
    ) throws(Failure) -> T? {
        guard let text else { return nil }
        return try told(of: option) { () throws(QueryError) in try body(text) }
    }

    /// Names the option in whatever is wrong with its text.
    static func told<T>(of option: String, _ body: () throws(QueryError) -> T) throws(Failure) -> T {
        do throws(QueryError) { return try body() } catch { throw .badInput("\(option), \(error)") }
    }
}
