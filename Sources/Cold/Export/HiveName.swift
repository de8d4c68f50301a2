/// Names as Hive escapes them in folders: `measurement=disk%2Fio`.
public enum HiveName {
  private static let escaped = Set("\"#%'*/:=?\\{[]^~".utf8)
  /// Bytes of a file's name that every file system takes, with room for a key.
  private static let byteCountMax = 200

  /// Control characters, bytes that are no UTF-8 and ``escaped`` ones become `%XX`. Very long names
  /// are cut and end with `~`, which no other name has, and a hash of the whole.
  public static func escape(_ name: [UInt8]) -> String {
    let isText = String(validating: name, as: UTF8.self) != nil
    var result = ""
    var plain: [UInt8] = []
    for byte in name {
      if byte < 0x20 || byte == 0x7f || escaped.contains(byte) || (byte >= 0x80 && !isText) {
        result += String(decoding: plain, as: UTF8.self) + "%" + hex(byte)
        plain.removeAll()
      } else {
        plain.append(byte)
      }
    }
    result += String(decoding: plain, as: UTF8.self)
    guard result.utf8.count > byteCountMax else { return result }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    while result.utf8.count > byteCountMax - 20 { result.removeLast() }
    return result + "~" + String(hash, radix: 16)
  }

  static func hex(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return digits.count == 1 ? "0" + digits : digits
  }
}
