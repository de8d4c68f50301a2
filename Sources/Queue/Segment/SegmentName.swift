internal import Platform

/// The names of segments: 16 hexadecimal digits of the sequence, then `.segment`.
enum SegmentName {
  private static let suffix = ".segment"
  private static let digitCount = 16
  /// What a damaged segment's name gets when retention would have removed it.
  static let damagedSuffix = ".damaged"
  /// Names beyond it are not ours: nobody makes 2^62 segments.
  static let sequenceMax: UInt64 = 1 << 62

  static func name(of sequence: UInt64) -> String {
    let digits = String(sequence, radix: 16)
    return String(repeating: "0", count: digitCount - digits.utf8.count) + digits + suffix
  }

  static func path(in directory: String, sequence: UInt64) -> String {
    Path.join(directory, name(of: sequence))
  }

  /// The sequence of a segment's name, or `nil` when the file is something else.
  static func sequence(of name: String) -> UInt64? {
    guard name.hasSuffix(suffix), name.utf8.count == digitCount + suffix.utf8.count else {
      return nil
    }
    let digits = name.dropLast(suffix.utf8.count)
    guard let sequence = UInt64(digits, radix: 16), self.name(of: sequence) == name else {
      return nil
    }
    return (1...sequenceMax).contains(sequence) ? sequence : nil
  }
}
