import Experiments
import Testing

@testable import Runs

/// How long a run says it will take.
struct RunPaceTests {
    private let start = ContinuousClock.now

    @Test func theFirstStepAndTheFiguresTellNothingOfTheNextSteps() throws {
        // A step takes 1 ms, the first one 600 ms more, a set of figures 500 ms; one more set is to come.
        var pace = RunPace(step: 0, steps: 6000, figuresLeft: { $0 < 6000 ? 1 : 0 }, now: start)
        pace.drew(for: .milliseconds(400), isWhole: false)
        pace.drew(for: .milliseconds(100), isWhole: true)
        let told = pace.tick(step: 1, now: start + .milliseconds(1100))
        let first = try #require(told)
        #expect(first.stepsPerSecond == nil, "nothing rather than something wrong")
        let early = pace.tick(step: 100, now: start + .milliseconds(1199))
        #expect(early == nil)
        let toldNext = pace.tick(step: 601, now: start + .milliseconds(1700))
        let second = try #require(toldNext)
        // 5,399 steps of 1 ms and 0.5 s for the figures.
        let left = 5399 / (try #require(second.stepsPerSecond))
        #expect(abs(left - 5.9) < 0.01)
    }

    @Test func figuresInBetweenDoNotSlowTheStepsDown() throws {
        var pace = RunPace(step: 0, steps: 100_000, now: start)
        let early = pace.tick(step: 1, now: start + .milliseconds(1))
        #expect(early == nil)
        var time = start + .milliseconds(1)
        for round in 1...10 {
            pace.drew(for: .milliseconds(500), isWhole: true)
            time += .milliseconds(1000)
            let told = pace.tick(step: 1 + 500 * round, now: time)
            let progress = try #require(told)
            #expect(abs((progress.stepsPerSecond ?? 0) - 1000) < 1)
        }
    }

    @Test func aTimeInWhichTheProcessStoodStillIsNoTimeOfItsSteps() throws {
        var pace = RunPace(step: 0, steps: 100_000, now: start)
        var (step, time) = (1, start + .milliseconds(1))
        let first = pace.tick(step: step, now: time)
        #expect(first == nil)
        func left(after pause: Duration) throws -> Double {
            (step, time) = (step + 500, time + .milliseconds(500) + pause)
            let told = pace.tick(step: step, now: time)
            return Double(100_000 - step) / (try #require(told?.stepsPerSecond))
        }
        for pause in [0, 0, 40, 0, 3600, 0] {
            let seconds = try left(after: .seconds(pause))
            #expect(abs(seconds - Double(100_000 - step) / 1000) < 0.1, "\(pause) s")
        }
        // A machine that has become slow stays so.
        _ = try left(after: .seconds(5))
        let slow = try left(after: .seconds(5))
        #expect(abs(slow - Double(100_000 - step) * 0.011) < 1)
        _ = try left(after: .zero)
        let fast = try left(after: .zero)
        #expect(abs(fast - Double(100_000 - step) / 1000) < 0.1)
    }

    @Test func figuresDuringWhichTheProcessStoodStillAreNotTheUsualOnes() throws {
        // Ten more sets are to come; one of three took an hour for it.
        var pace = RunPace(step: 0, steps: 6000, figuresLeft: { _ in 10 }, now: start)
        let first = pace.tick(step: 1, now: start)
        #expect(first == nil)
        for seconds in [1, 3600, 1] {
            pace.drew(for: .milliseconds(500), isWhole: false)
            pace.drew(for: .seconds(seconds) - .milliseconds(500), isWhole: true)
        }
        let told = pace.tick(step: 1001, now: start + .seconds(3603))
        let left = 4999 / (try #require(told?.stepsPerSecond))
        #expect(abs(left - 15) < 0.1)
    }

    @Test func aRunOfOneStepHasNoSpeed() throws {
        var pace = RunPace(step: 0, steps: 1, now: start)
        let told = pace.tick(step: 1, now: start + .milliseconds(600))
        let progress = try #require(told)
        #expect(progress.stepsPerSecond == nil)
    }

    @Test(arguments: [(10, 4, true), (10, 4, false), (10, 5, true), (1, 3, true), (1, 3, false), (7, 1, true)])
    func theSetsOfFiguresThatAreLeftAreThoseThatAreDue(steps: Int, frequency: Int, onFirst: Bool) throws {
        let config = try ExperimentConfig.load(
            yaml: Example.config(steps: steps, extra: "image_freq: \(frequency)\nimage_on_first_step: \(onFirst)"),
            source: "test")
        for step in 0...steps {
            #expect(config.figureSets(from: step) == (step...steps).count { config.hasFigures(at: $0) }, "\(step)")
        }
    }

    @Test(arguments: [("last", [10]), ("none", []), ("null", [0, 4, 8, 10])])
    func aConfigMayAskForTheLastSetOfFiguresOrNone(figures: String, steps: [Int]) throws {
        let config = try ExperimentConfig.load(
            yaml: Example.config(steps: 10, extra: "image_freq: 4\nfigures: \(figures)"), source: "test")

        #expect((0...10).filter { config.hasFigures(at: $0) } == steps)
        #expect(config.figureSets() == steps.count)
        #expect(config.hasFigures == !steps.isEmpty)
        #expect(config.json().contains("figures") == (figures != "null"), "the published keys stay as they are")
        let withoutFrequency = try ExperimentConfig.load(
            yaml: Example.config(steps: 10, extra: "figures: \(figures)"), source: "test")
        #expect(withoutFrequency.figureSets() == (figures == "last" ? 1 : 0))
    }
}
