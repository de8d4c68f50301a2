import Model
import Platform
import Queue
import TestSupport
import Testing

/// Goal: refused lines are read back newest first, within bounds, whatever the disk does.
@Suite struct DeadLetterTests {
  static let directory = "/data/dead-letters"

  static func letter(_ number: Int, text: [UInt8] = [UInt8](text: "cpu,host=a v=x")) -> DeadLetter {
    DeadLetter(
      time: 1_700_000_000_000_000_000 + Int64(number),
      tenant: TenantID(UInt32(number % 2)),
      sender: "10.0.0.1:5000",
      line: UInt64(number),
      column: 14,
      reason: RefusalReason.allCases[number % RefusalReason.allCases.count],
      message: "expected a value, found x",
      text: text
    )
  }

  private func log(_ disk: FaultyDisk, fileByteCountMax: Int = 8 << 20) -> DeadLetterLog {
    var options = DeadLetterLog.Options()
    options.fileByteCountMax = fileByteCountMax
    return DeadLetterLog(
      disk: disk,
      directory: Self.directory,
      clock: ManualClock(),
      options: options
    )
  }

  @Test func lettersComeBackNewestFirst() throws {
    let disk = FaultyDisk()
    let letters = log(disk)
    #expect(try letters.newest(countMax: 10).isEmpty)
    #expect(disk.files.isEmpty)
    letters.append(Self.letter(1))
    letters.append([Self.letter(2), Self.letter(3)])
    letters.append([])
    #expect(try letters.newest(countMax: 10) == [3, 2, 1].map { Self.letter($0) })
    #expect(try letters.newest(countMax: 2) == [3, 2].map { Self.letter($0) })
    #expect(try letters.newest(countMax: 9, tenant: TenantID(0)) == [Self.letter(2)])
    #expect(letters.statistics.letters == 3)
    #expect(letters.check().isEmpty)
    // Another run goes on in the same file.
    let again = log(disk)
    again.append(Self.letter(4))
    #expect(disk.files.count == 1)
    #expect(try again.newest(countMax: 10).map(\.line) == [4, 3, 2, 1])
  }

  @Test func longTextsAreCutAndSaidToBe() throws {
    let letters = log(FaultyDisk())
    var letter = Self.letter(1, text: [UInt8](repeating: 65, count: 5_000))
    letter.sender = String(repeating: "é", count: 200)
    letter.message = String(repeating: "m", count: 2_000)
    letters.append(letter)
    let found = try #require(try letters.newest(countMax: 1).first)
    #expect(found.text == [UInt8](repeating: 65, count: 4_096))
    #expect(found.isCut)
    // No half character.
    #expect(found.sender == String(repeating: "é", count: 127))
    #expect(found.message.utf8.count == 1_024)
    letter.text = [0, 255, 10]
    letter.sender = ""
    letter.message = ""
    letters.append(letter)
    #expect(try letters.newest(countMax: 1) == [letter])
  }

  @Test func theOldestFileMakesRoom() throws {
    let disk = FaultyDisk()
    let letters = log(disk, fileByteCountMax: 1_000)
    for number in 1...100 { letters.append(Self.letter(number)) }
    #expect(disk.files.count == 2)
    #expect(disk.files.values.allSatisfy { $0.count <= 1_000 })
    let found = try letters.newest(countMax: 1_000).map(\.line)
    #expect(found == Array((UInt64(101 - found.count)...100).reversed()))
    #expect(found.count > 8)
  }

  @Test func aFullDiskDropsLettersAndNothingElse() throws {
    let disk = FaultyDisk()
    let letters = log(disk)
    letters.append(Self.letter(1))
    disk.limitFreeSpace(to: 30)
    letters.append(Self.letter(2))
    letters.append(Self.letter(3))
    #expect(letters.statistics.dropped == 2)
    #expect(letters.statistics.failure?.isDiskFull == true)
    disk.limitFreeSpace(to: nil)
    letters.append(Self.letter(4))
    #expect(try letters.newest(countMax: 9).map(\.line) == [4, 1])
  }

  @Test(arguments: UInt64(1)...40)
  func crashesAndErrorsLoseLettersButNeverMakeOneUp(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let disk = FaultyDisk(seed: seed)
    for run in 0..<4 {
      let letters = log(disk, fileByteCountMax: 2_000)
      for number in 0..<Int.random(in: 0...40, using: &random) {
        if random.oneIn(6) {
          disk.fail(random.oneIn(2) ? .write : .name, after: Int(random.next() % 2))
        }
        letters.append(Self.letter(100 * run + number))
      }
      disk.crash(random.oneIn(2) ? .power : .kill)
      let found = try log(disk).newest(countMax: 1_000)
      #expect(found.allSatisfy { $0 == Self.letter(Int($0.line)) })
      #expect(found.map(\.line) == found.map(\.line).sorted(by: >))
      #expect(log(disk).check().serious.isEmpty)
    }
  }

  @Test func noDamageTrapsAndOnlyTheRecordIsLost() throws {
    let disk = FaultyDisk()
    let letters = log(disk)
    for number in 1...4 { letters.append(Self.letter(number)) }
    let (path, bytes) = try #require(disk.files.first)
    for bit in 0..<bytes.count * 8 {
      let copy = FaultyDisk(files: [path: bytes.flipping(bit: bit)])
      let found = try log(copy).newest(countMax: 10)
      #expect(found.count >= 3, "bit \(bit)")
      #expect(found.allSatisfy { $0 == Self.letter(Int($0.line)) }, "bit \(bit)")
      #expect(!log(copy).check().isEmpty, "bit \(bit)")
    }
    for count in 0...bytes.count {
      let copy = FaultyDisk(files: [path: Array(bytes[..<count])])
      let cut = log(copy)
      let before = try cut.newest(countMax: 10).count
      cut.append(Self.letter(9))
      #expect(try cut.newest(countMax: 1).map(\.line) == [9], "cut \(count)")
      #expect(try cut.newest(countMax: 10).count == before + 1, "cut \(count)")
      #expect(cut.check().serious.isEmpty || count < bytes.count, "cut \(count)")
    }
  }
}
