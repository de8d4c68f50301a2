import Model
import Queue
import Testing
import Tool

/// Goal: what a program reads of a refused line is what came, byte for byte.
struct DeadLetterTextTests {
  private func rendered(_ text: [UInt8], asJSON: Bool) -> String {
    let letter = DeadLetter(
      time: 1_750_000_000_000_000_000,
      tenant: .default,
      sender: "127.0.0.1:1",
      line: 3,
      column: 1,
      reason: .unparsable,
      message: "expected a field",
      text: text
    )
    return DeadLetterText.render([letter], asJSON: asJSON) { _ in Array("default".utf8) }
  }

  @Test func textStaysExactInJSON() throws {
    let text = "tab\t escape \u{1b}[2J backslash \\x1b é"
    let json = try JSONParser.parse(Array(rendered(Array(text.utf8), asJSON: true).utf8))
    let letter = try #require(json.elements?.first)
    #expect(letter["text"]?.string == text)
    if case .null? = letter["text_base64"] {} else { Issue.record("expected null") }
  }

  /// A byte that is no UTF-8 and the backslash that spells it out must not look alike.
  @Test func bytesThatAreNoTextComeAsBase64() throws {
    let json = rendered([0x5c, 0x78, 0x66, 0x66, 0xff], asJSON: true)
    #expect(json.contains(#""text":"\\xff\\xff","text_base64":"XHhmZv8=""#), "\(json)")
    #expect(rendered([0x61, 0xff], asJSON: false).contains("    a\\xff\n"))
  }
}
