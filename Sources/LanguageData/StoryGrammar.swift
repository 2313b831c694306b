import Artifacts

/// Stories from a small grammar: text to train and decompose a language model on without downloading anything.
///
/// A story's number and the seed say everything about it, so the same stories come out on every machine. Its words
/// choose one another loosely: a model soon learns the frames and then what belongs together, and the few words that are
/// drawn freely keep its cross-entropy above zero.
public struct StoryGrammar: Sendable {
    private let seed: UInt64

    /// A grammar whose stories follow from the seed.
    public init(seed: Int) { self.seed = UInt64(bitPattern: Int64(seed)) }

    /// Story number `number`: some 40 to 90 words of lower-case text, punctuation set off by spaces.
    public func story(_ number: Int) -> String {
        var draws = Draws(state: seed &* 0xD1B5_4A32_D192_ED03 ^ UInt64(truncatingIfNeeded: number))
        let (name, animal) = (draws.below(Self.names.count), draws.below(Self.animals.count))
        let place = draws.near(animal, in: Self.places, choices: 3)
        var scene = Scene(
            name: Self.names[name], friend: Self.names[draws.near(name, in: Self.names, choices: 2)],
            animal: Self.animals[animal], thing: "", place: Self.places[place],
            look: Self.looks[draws.near(animal, in: Self.looks, choices: 2)], mood: "", deed: Self.deeds[0])
        draws.change(&scene, at: place)
        var sentences = [draws.pick(Self.openings)(scene), draws.pick(Self.homes)(scene)]
        for _ in 0..<(1 + draws.below(3)) {
            sentences.append(draws.pick(Self.events)(scene))
            draws.change(&scene, at: place)
        }
        sentences.append(draws.pick(Self.endings)(scene))
        return sentences.joined(separator: " ")
    }

    /// Every word that a story may hold, in order.
    public static var vocabulary: [String] {
        var words = Set(names + animals + things + places + looks + moods + deeds.flatMap { [$0.plain, $0.past] })
        let sample = Scene(
            name: names[0], friend: names[1], animal: animals[0], thing: things[0], place: places[0], look: looks[0],
            mood: moods[0], deed: deeds[0])
        for sentence in openings + homes + events + endings {
            words.formUnion(sentence(sample).split(separator: " ").map(String.init))
        }
        return words.sorted()
    }

    /// The purposes for which a story's words are drawn.
    fileprivate struct Scene {
        var name: String
        var friend: String
        var animal: String
        var thing: String
        var place: String
        var look: String
        var mood: String
        var deed: Deed
    }

    fileprivate struct Deed: Sendable {
        let plain: String
        let past: String

        init(_ plain: String, _ past: String) {
            self.plain = plain
            self.past = past
        }
    }

    /// Choices that follow from a state.
    private struct Draws {
        private var numbers: SplitMix64

        init(state: UInt64) { numbers = SplitMix64(state: state) }

        mutating func below(_ bound: Int) -> Int { Int(numbers.next(below: UInt64(bound))) }

        mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

        /// One of a few elements that belong to number `key`, by its place.
        mutating func near<Element>(_ key: Int, in elements: [Element], choices: Int) -> Int {
            (key * 7 + below(choices) * 11 + 3) % elements.count
        }

        /// What happens next at a place: something is found, something done with it, and how that feels.
        mutating func change(_ scene: inout Scene, at place: Int) {
            let thing = near(place, in: StoryGrammar.things, choices: 3)
            let deed = near(thing, in: StoryGrammar.deeds, choices: 2)
            scene.thing = StoryGrammar.things[thing]
            scene.deed = StoryGrammar.deeds[deed]
            scene.mood = StoryGrammar.moods[near(deed, in: StoryGrammar.moods, choices: 2)]
        }
    }
}

// MARK: Sentences

extension StoryGrammar {
    private typealias Sentence = @Sendable (Scene) -> String

    private static let openings: [Sentence] = [
        { "once upon a time there was a \($0.look) \($0.animal) called \($0.name) . it lived near the \($0.place) ." },
        { "one day a \($0.look) \($0.animal) called \($0.name) went to the \($0.place) ." },
    ]

    private static let homes: [Sentence] = [
        { "\($0.name) liked to play with \($0.friend) every day ." },
        { "it had a best friend . the friend was called \($0.friend) ." },
    ]

    private static let events: [Sentence] = [
        { "it saw a \($0.thing) and wanted to \($0.deed.plain) the \($0.thing) . it was \($0.mood) ." },
        { "\" look at my \($0.thing) ! \" said the friend . it felt very \($0.mood) ." },
        { "then the friend \($0.deed.past) a \($0.thing) . \" thank you , \" it said and felt \($0.mood) ." },
        {
            "\" can you \($0.deed.plain) this \($0.thing) ? \" it asked . so the friend \($0.deed.past) the \($0.thing) ."
        },
    ]

    private static let endings: [Sentence] = [
        { "at the end of the day they went home from the \($0.place) . they were \($0.mood) ." },
        { "from that day on \($0.name) and \($0.friend) were the best of friends . the end ." },
    ]
}

// MARK: Words

extension StoryGrammar {
    private static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

    private static let names = words(
        """
        ada alba amir anna anton arlo asha bela ben bruno cara carl celia clara dan dara dora edda ella emil enzo eva \
        fay felix finn flora gita greta hana hugo ida igor ines iris ivo jana jon juna kai kira lars lea leo lina lior \
        luca luz maja marek mia milo mina nadia nico nina noor nora olga omar oscar otto pia quin ravi rita rosa ruben \
        ruth sami sara selma sven tara tim tom uma una vera vito wanda xenia yara yuri zara zoe
        """)

    private static let animals = words(
        """
        badger bat bear beaver bee bird boy camel cat chick cow crab crow deer dog donkey dragon duck eagle elephant \
        fish fox frog giant girl goat goose hare hen horse king knight lamb lion lizard mole monkey mouse otter owl ox \
        panda parrot penguin pig pony prince princess queen rabbit rat raven robot seal sheep snail snake spider \
        squirrel swan tiger toad turtle whale witch wizard wolf worm zebra
        """)

    private static let things = words(
        """
        apple ball balloon basket bell blanket boat bone book bottle bowl box bread bucket button cake candle cap card \
        carrot castle chair clock coat coin cookie crown cup doll door drum egg feather flag flower flute fork gift \
        glass glove guitar hammer hat honey jar jewel key kite ladder lamp leaf letter map mask melon mirror nest net \
        nut orange paint pan pear pen pencil piano picture pie pillow pipe plate pot puzzle ribbon ring rock rope rose \
        sack sail scarf seed shell shirt shoe shovel song spoon star stick stone string sword table tent toy train \
        umbrella violin wagon watch wheel whistle window
        """)

    private static let places = words(
        """
        barn bay beach bridge cave city cliff desert farm field forest garden harbor hill house hut island jungle \
        kitchen lake library market meadow mill mountain museum palace park pond river road room school sea shop \
        stable station street swamp tower town valley village wood yard zoo
        """)

    private static let looks = words(
        """
        big black blue brave bright brown busy clever cold dark fast fat funny gentle golden gray green hungry kind \
        lazy little loud old orange pink pretty purple quick quiet red round shy silly silver slow small soft strange \
        strong tall thin tiny white wild wise yellow young
        """)

    private static let moods = words(
        """
        afraid angry bored brave calm cheerful curious eager excited glad grumpy happy hopeful hungry jealous lonely \
        lucky nervous pleased proud puzzled sad scared shy sleepy sorry surprised thankful tired worried
        """)

    private static let deeds = [
        Deed("bring", "brought"), Deed("build", "built"), Deed("buy", "bought"), Deed("carry", "carried"),
        Deed("catch", "caught"), Deed("clean", "cleaned"), Deed("draw", "drew"), Deed("fix", "fixed"),
        Deed("follow", "followed"), Deed("hide", "hid"), Deed("hold", "held"), Deed("hug", "hugged"),
        Deed("keep", "kept"), Deed("lift", "lifted"), Deed("move", "moved"), Deed("open", "opened"),
        Deed("pull", "pulled"), Deed("push", "pushed"), Deed("roll", "rolled"), Deed("sell", "sold"),
        Deed("shake", "shook"), Deed("share", "shared"), Deed("show", "showed"), Deed("take", "took"),
        Deed("throw", "threw"), Deed("touch", "touched"), Deed("use", "used"), Deed("wash", "washed"),
    ]
}
