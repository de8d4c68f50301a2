import Server
import Testing

struct AddressTests {
  @Test(arguments: [
    ("127.0.0.1:9009", "127.0.0.1", 9009), ("localhost:0", "localhost", 0),
    ("[::1]:8086", "::1", 8086),
  ])
  func aHostAndAPortAreRead(text: String, host: String, port: Int) {
    #expect(Address(text) == Address(host: host, port: port))
    #expect(Address(text)?.description == text)
  }

  @Test(arguments: [
    "", "9009", ":9009", "host", "host:", "host:65536", "host:-1", "::1:80", "h:+1",
  ])
  func anythingElseIsRefused(text: String) {
    #expect(Address(text) == nil)
  }
}

struct ServerErrorTests {
  @Test func aTakenPortSaysWhatToChange() {
    let error = ServerError.inUse(Address(host: "127.0.0.1", port: 9009), option: "--line-tcp")
    #expect(
      "\(error)" == "127.0.0.1:9009 is in use by another process; choose another with --line-tcp"
    )
  }
}

struct LogTextTests {
  @Test func controlCharactersAndBytesAboveASCIIAreEscaped() {
    let bytes: [UInt8] = Array("a\u{1b}[31m\n\r\t\"\\é".utf8) + [0, 0xff]
    #expect(LogText.escape(bytes) == "a\\x1b[31m\\n\\r\\t\\\"\\\\\\xc3\\xa9\\x00\\xff")
  }

  @Test func longTextIsCut() {
    #expect(LogText.escape(String(repeating: "x", count: 500), byteCountMax: 3) == "xxx…")
    #expect(LogText.escape("abc", byteCountMax: 3) == "abc")
  }
}

struct HTTPDateTests {
  @Test(
    arguments: [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
      (1_795_623_603, "Wed, 25 Nov 2026 16:20:03 GMT"),
      (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ] as [(Int64, String)]
  )
  func datesAreThoseOfTheCalendar(second: Int64, text: String) {
    #expect(HTTPDate.text(second: second) == text)
  }
}
