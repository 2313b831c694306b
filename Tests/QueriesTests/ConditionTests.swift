import Testing

@testable import Queries

struct ConditionTests {
    private let table = QueryTable(
        [
            .init("run"), .init("state", aliases: ["status"], words: ["pending", "running", "done", "failed"]),
            .init("experiment"), .init("lr"), .init("task_config.p"), .init("loss/total"), .init("loss/faithfulness"),
            .init("error"), .init("use_gate"), .init("node"),
        ],
        rows: [
            row("aaaaaaaa", "done", "tms_5-2", 0.001, 0.05, 2, 1, nil, true, "n1"),
            row("12345678", "done", "tms_40-10", 0.01, 0.05, 1, 3, nil, false, "n2"),
            row("cccccccc", "failed", "tms_5-2", 0.1, 0.01, nil, nil, "The loss is NaN", true, nil),
            row("dddddddd", "pending", "a b", -0.5, 0.01, .nan, nil, nil, false, nil),
        ])

    private static func row(
        _ run: String, _ state: String, _ experiment: String, _ lr: Double, _ p: Double, _ total: Double?,
        _ faithfulness: Double?, _ error: String?, _ gate: Bool, _ node: String?
    ) -> [Value] {
        func number(_ number: Double?) -> Value { number.map(Value.number) ?? .missing }
        func text(_ text: String?) -> Value { text.map(Value.text) ?? .missing }
        return [
            .text(run), .text(state), .text(experiment), number(lr), number(p), number(total), number(faithfulness),
            text(error), .bool(gate), text(node),
        ]
    }

    @Test(arguments: [
        ("lr<0.01", [0, 3]), ("lr <= 1e-2 and experiment=tms_5-2 and state=done", [0]), ("lr<-0.1", [3]),
        ("status==failed or lr=0.01", [1, 2]), ("not (state=done or state=failed)", [3]), ("not not lr=0.1", [2]),
        ("lr in (0.1, 0.01)", [1, 2]), ("lr not in (0.1, 0.01)", [0, 3]), ("p=0.01", [2, 3]), ("total>=2", [0]),
        ("loss/total > `loss/faithfulness`", [0]), ("error ~ 'nan'", [2]), ("error !~ nan", [0, 1, 3]),
        ("error != null", [2]), ("node = null and lr>0", [2]), ("run=12345678", [1]), ("experiment = \"a b\"", [3]),
        ("use_gate = true", [0, 2]), ("loss/total = nan", [3]), ("loss/total != 2", [1, 2, 3]),
        ("not total<5", [2, 3]), ("`loss/total`<1.5", [1]), ("lr=.001 OR lr=0.1 AND state=failed", [0, 2]),
        ("experiment>tms_4", [0, 1, 2]),
    ])
    func itSelectsRows(_ text: String, _ expected: [Int]) throws {
        #expect(try table.indices(where: Condition(parsing: text)) == expected)
    }

    @Test(arguments: [
        ("lrr<0.01", 0, "there is no column 'lrr'; did you mean 'lr'?"),
        ("lr<0.01 and stat=done", 12, "there is no column 'stat'; did you mean 'state'?"),
        ("state=don", 6, "state is never 'don'; did you mean 'done'?"),
        ("state=xyzzyq", 6, "it is one of pending, running, done, failed"),
        ("lr<abc", 3, "lr is a number; expected one, found 'abc'"),
        ("lr 0.01", 3, "expected =, !=, <, <=, >, >=, ~ or 'in' after 'lr', found '0.01'"),
        ("lr<", 3, "expected a value, found the end"), ("", 0, "there is no condition"),
        ("(lr<1", 5, "expected ')', found the end"), ("lr<1)", 4, "expected 'and', 'or' or the end, found ')'"),
        ("lr<1 adn p=1", 5, "did you mean 'and'?"), ("lr<1 && p=1", 5, "'&&' is written 'and' here"),
        ("lr in 1", 6, "expected '(' after 'in'"), ("lr in (1 2)", 9, "expected ',' or ')', found '2'"),
        ("lr='0.1", 3, "' has no end"), ("!lr=1", 0, "'not' negates a condition"),
        ("loss=1", 0, "there is no column"),
        ("lr<null", 3, "nothing is above or below null"), ("and=1", 0, "expected a column's name, found 'and'"),
        ("lr=in", 3, "expected a value, found 'in'"), ("lr;drop", 2, "';' means nothing here"),
        ("lr<`pp`", 3, "there is no column 'pp'"),
    ])
    func mistakesAreToldByTheirPlace(_ text: String, _ position: Int, _ message: String) throws {
        let error = #expect(throws: QueryError.self) { try table.indices(where: Condition(parsing: text)) }
        #expect(error?.position == position)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test func aNameThatMayBeSeveralColumnsIsRefused() throws {
        let table = QueryTable([.init("a.p"), .init("b.p")], rows: [[.number(1), .number(2)]])
        let error = #expect(throws: QueryError.self) { try table.indices(where: Condition(parsing: "p=1")) }
        #expect(error?.message == "'p' may be 'a.p', 'b.p'; write more of it")
        #expect(try table.indices(where: Condition(parsing: "b.p=2")) == [0])
    }

    @Test func ofALongConditionTheSurroundingsOfTheMistakeAreShown() throws {
        let text = (0..<40).map { "lr=\($0)" }.joined(separator: " or ")
        for (whole, position) in [("lrr=1 or " + text, 0), (text + " or lrr=1", text.count + 4)] {
            let error = #expect(throws: QueryError.self) { try table.indices(where: Condition(parsing: whole)) }
            let lines = try #require(error).description.split(separator: "\n")
            #expect(lines.count == 3 && lines.allSatisfy { $0.count < 110 } && error?.position == position)
            let mark = try #require(lines[2].firstIndex(of: "^"))
            let place = lines[2].distance(from: lines[2].startIndex, to: mark)
            #expect(lines[1].dropFirst(place).hasPrefix("lrr"), "\(lines)")
        }
    }

    @Test func theMarkStandsBelowTheMistake() throws {
        let error = #expect(throws: QueryError.self) { try table.indices(where: Condition(parsing: "lr<1\tand lrr=1")) }
        #expect(
            error?.description == """
                character 10: there is no column 'lrr'; did you mean 'lr'?
                  lr<1 and lrr=1
                           ^
                """)
    }

    @Test func conditionsThatNobodyWroteEndInAMessage() {
        let deep = String(repeating: "(", count: 100_000)
        #expect(throws: QueryError.self) { try Condition(parsing: deep) }
        let negated = String(repeating: "not ", count: 10_001) + "lr=1"
        #expect(throws: Never.self) { try Condition(parsing: negated) }
        for text in ["\u{0}", "🙂=1", "=", "(", ")", ",", "`", "lr<=>1", "lr<1 or", "not", "((lr<1)"] {
            #expect(throws: QueryError.self, "\(text)") { try table.indices(where: Condition(parsing: text)) }
        }
    }

    @Test func manyAlternativesNeedNoDepth() throws {
        let text = (0..<20_000).map { "lr=\($0)" }.joined(separator: " or ")
        #expect(try table.indices(where: Condition(parsing: text + " or lr=0.1")) == [2])
    }
}
