import LanguageData
import Testing
import Tokenizers

/// The stories that need no download.
struct StoryGrammarTests {
    @Test func aStoryFollowsFromSeedAndNumber() {
        #expect(StoryGrammar(seed: 1).story(7) == StoryGrammar(seed: 1).story(7))
        #expect(StoryGrammar(seed: 1).story(7) != StoryGrammar(seed: 2).story(7))
        #expect(Set((0..<500).map { StoryGrammar(seed: 1).story($0) }).count > 495)
    }

    @Test func theVocabularyHoldsEveryWord() {
        let vocabulary = StoryGrammar.vocabulary
        #expect((450...550).contains(vocabulary.count), "\(vocabulary.count) words")
        let used = Set((0..<2000).flatMap { StoryGrammar(seed: 0).story($0).split(separator: " ").map(String.init) })
        #expect(used.isSubset(of: Set(vocabulary)))
    }

    @Test func itsTokenizerGivesOneTokenPerWord() throws {
        let json = Array(WordTokenizer.json(words: StoryGrammar.vocabulary).utf8)
        let tokenizer = try Tokenizer(json: json)
        let story = StoryGrammar(seed: 0).story(11)
        let ids = try tokenizer.encode(story).ids
        let tokens = story.split(separator: " ").map(String.init)
        #expect(ids.compactMap(tokenizer.token) == tokens)
        #expect(tokenizer.token(0) == "[UNK]" && tokenizer.token(1) == "[EOS]")
        #expect(try tokenizer.encode("Quetzalcoatl").ids == [0])
    }

    @Test func anyTextHasItsCommonestWords() {
        let texts = ["The cat. The dog!", "the cat"]
        #expect(WordTokenizer.words(of: texts, limit: 3) == ["the", "cat", "!"])
    }
}
