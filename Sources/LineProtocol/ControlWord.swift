/// A control word: a comment line that talks to us and that other servers ignore.
///
///     #precision (ns | us | ms | s | auto)     #ack ID     #tenant NAME     #auth TOKEN
enum ControlWord: Equatable {
  case precision(LinePrecision)
  case event(LineEvent)

  static let identifierByteCountMax = 64
  static let tenantByteCountMax = 255
  static let tokenByteCountMax = 4_096

  /// Reads a comment line; `nil` when it is an ordinary comment.
  ///
  /// - Parameter line: without its line end; the `#` is its first byte.
  init?(_ line: [UInt8]) {
    let words = ["#precision", "#ack", "#tenant", "#auth"]
    let word = line.prefix { $0 != ByteScan.space }
    guard let index = words.firstIndex(where: { word.elementsEqual($0.utf8) }) else { return nil }
    let argument = Array(
      line[word.endIndex...].drop { $0 == ByteScan.space }.reversed()
        .drop { $0 == ByteScan.space }.reversed()
    )
    switch index {
    case 0: self = Self.precision(argument)
    case 1: self = Self.acknowledge(argument)
    case 2: self = Self.tenant(argument)
    default: self = Self.auth(argument)
    }
  }

  private static func fault(_ reason: String) -> ControlWord { .event(.fault(reason: reason)) }

  private static func precision(_ argument: [UInt8]) -> ControlWord {
    switch String(decoding: argument, as: UTF8.self) {
    case "ns": .precision(.nanoseconds)
    case "us": .precision(.microseconds)
    case "ms": .precision(.milliseconds)
    case "s": .precision(.seconds)
    case "auto": .precision(.auto)
    default: fault("#precision takes one of ns, us, ms, s, auto")
    }
  }

  private static func acknowledge(_ argument: [UInt8]) -> ControlWord {
    let isSound = argument.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
    guard isSound, (1...identifierByteCountMax).contains(argument.count) else {
      return fault("#ack takes an id of 1 to \(identifierByteCountMax) of A-Z a-z 0-9 . _ -")
    }
    return .event(.acknowledge(id: String(decoding: argument, as: UTF8.self)))
  }

  private static func tenant(_ argument: [UInt8]) -> ControlWord {
    guard isWord(argument), (1...tenantByteCountMax).contains(argument.count) else {
      return fault("#tenant takes a name of 1 to \(tenantByteCountMax) bytes without spaces")
    }
    return .event(.tenant(name: argument))
  }

  private static func auth(_ argument: [UInt8]) -> ControlWord {
    guard isWord(argument), (1...tokenByteCountMax).contains(argument.count) else {
      return fault("#auth takes a token of 1 to \(tokenByteCountMax) bytes without spaces")
    }
    return .event(.auth(token: argument))
  }

  private static func isWord(_ argument: [UInt8]) -> Bool {
    argument.allSatisfy { $0 > ByteScan.space && $0 != 0x7f }
  }
}
