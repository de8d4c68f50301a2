import Server
import Testing

struct QueryItemsTests {
  private func parse(_ query: String) throws -> [String] {
    try QueryItems.parse(query).map { "\($0.name)→\($0.value)" }
  }

  @Test func itemsKeepTheirOrderAndTheirRepetitions() throws {
    #expect(try parse("b=1&a=2&b=3") == ["b→1", "a→2", "b→3"])
  }

  @Test func nameAndValueAreDecodedOnce() throws {
    #expect(try parse("tag.a%3Db=%2525") == ["tag.a=b→%25"])
    #expect(try parse("field=cpu%2Cuser%5C%2C") == ["field→cpu,user\\,"])
    #expect(try parse("x=%C3%A9%20%c3%a9") == ["x→é é"])
  }

  @Test func aPlusIsASpace() throws {
    #expect(try parse("start=now+-+1h&x=%2B") == ["start→now - 1h", "x→+"])
  }

  @Test func onlyTheFirstEqualsSignSplits() throws {
    #expect(try parse("next=a=b==") == ["next→a=b=="])
  }

  @Test func missingAndEmptyValuesAreEmpty() throws {
    #expect(try parse("a&b=&=c&&") == ["a→", "b→", "→c"])
    #expect(try parse("") == [])
  }

  @Test(arguments: ["a=%", "a=%2", "a=%zz", "%g0=1", "a=%F", "a=%25%"])
  func aBrokenEscapeIsRefused(query: String) {
    #expect(throws: QueryItems.Fault.self) { try QueryItems.parse(query) }
  }

  @Test(arguments: ["a=%FF", "a=%C3", "%ed%a0%80=1"])
  func whatIsNotUTF8IsRefused(query: String) {
    #expect(throws: QueryItems.Fault.self) { try QueryItems.parse(query) }
  }

  @Test func thereIsALimit() {
    let query = String(repeating: "a&", count: QueryItems.countMax + 1)
    #expect(throws: QueryItems.Fault.self) { try QueryItems.parse(query) }
  }
}
