import Testing

@testable import Queries

struct TableTests {
    private let table = QueryTable(
        [.init("lr"), .init("seed"), .init("mmcs"), .init("name")],
        rows: [
            [.number(0.1), .number(0), .number(0.5), .text("b")],
            [.number(0.01), .number(1), .number(0.9), .text("a")],
            [.number(0.1), .number(1), .number(.nan), .text("c")],
            [.number(0.01), .number(0), .number(0.7), .missing],
            [.number(0.1), .number(2), .number(1), .text("a")],
        ])

    private func sorted(_ list: String) throws -> [Int] {
        try table.sorted(Array(table.rows.indices), by: NameList(parsing: list, isSigned: true))
    }

    @Test func rowsAreSortedByColumnsInTurnAndWhatIsMissingComesLast() throws {
        #expect(try sorted("mmcs") == [0, 3, 1, 4, 2])
        #expect(try sorted("-mmcs") == [4, 1, 3, 0, 2])
        #expect(try sorted("lr,-seed") == [1, 3, 4, 2, 0])
        #expect(try sorted("name") == [1, 4, 0, 2, 3])
        #expect(try sorted("-name") == [2, 0, 1, 4, 3])
    }

    @Test func groupsHaveMeanDeviationMedianAndCount() throws {
        let groups = table.groups(Array(table.rows.indices), by: [0], measuring: [2])
        #expect(groups.map(\.key) == [[.number(0.1)], [.number(0.01)]])
        #expect(groups.map(\.rows) == [[0, 2, 4], [1, 3]])
        let (first, second) = (groups[0].summaries[0], groups[1].summaries[0])
        // Of 0.5 and 1, as NaN is left out.
        #expect(first.n == 2 && first.mean == 0.75 && first.median == 0.75)
        #expect(abs((first.deviation ?? 0) - 0.125.squareRoot()) < 1e-15)
        #expect(abs((second.mean ?? 0) - 0.8) < 1e-15)
        #expect(Summary([3, 1, 2]) == Summary([1, 2, 3]))
        #expect(Summary([3, 1, 2]).median == 2)
        #expect(Summary([1]).deviation == nil)
        #expect(Summary([]).mean == nil)
        #expect(Summary([.infinity, .infinity]).median == .infinity)
    }

    @Test(arguments: [1e30, 0.1, -1.0 / 3, 1.7e308, Double.leastNonzeroMagnitude, 0])
    func equalNumbersAreTheirMeanAndDoNotDeviate(_ number: Double) {
        for count in 2...20 {
            let summary = Summary(Array(repeating: number, count: count))
            #expect(summary.mean == number && summary.deviation == 0, "\(count)")
        }
    }

    @Test func whatAdditionsRoundOffIsMadeGood() {
        #expect(Summary([1e16, 1, -1e16, 1]).mean == 0.5)
        #expect(Summary([1e-200, 3e-200]).deviation.map { abs($0 / 1e-200 - 2.0.squareRoot()) < 1e-15 } == true)
        #expect(Summary([-1e200, 1e200]).deviation.map { abs($0 / 1e200 - 2.0.squareRoot()) < 1e-15 } == true)
        #expect(Summary([.infinity, 1]).mean == .infinity)
    }

    @Test func rowsThatLackAValueAreAGroup() throws {
        let groups = table.groups(Array(table.rows.indices), by: [3, 2], measuring: [])
        #expect(groups.count == 5)
        #expect(groups[3].key == [.missing, .number(0.7)])
    }

    @Test(arguments: [
        ("lr,,seed", 3, "expected a column's name, found ','"), ("lr seed", 3, "expected a comma, found 'seed'"),
        ("lr,", 3, "expected a column's name, found the end"), ("", 0, "expected a column's name, found the end"),
        ("-", 0, "expected a column's name after '-'"),
    ])
    func badListsAreRefused(_ text: String, _ position: Int, _ message: String) {
        let error = #expect(throws: QueryError.self) { try NameList(parsing: text, isSigned: true) }
        #expect(error?.position == position)
        #expect(error?.message == message)
    }

    @Test func unknownColumnsOfAListAreToldByTheirPlace() throws {
        let error = #expect(throws: QueryError.self) { try table.columns(of: NameList(parsing: "lr, sead")) }
        #expect(error?.position == 4)
        #expect(error?.message == "there is no column 'sead'; did you mean 'seed'?")
        #expect(try table.columns(of: NameList(parsing: "seed, lr, seed")) == [1, 0])
    }
}
