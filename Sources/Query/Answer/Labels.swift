public import Model

/// The tags of an answered series. All series of an answer share the texts of their tags.
public struct Labels: Sendable {
  /// What several ``Labels`` are made of.
  final class Table: Sendable {
    /// Distinct.
    let tags: [Tag]
    /// Indexes into `tags`: those of one series stand together.
    let numbers: [UInt32]
    /// The JSON members `"key":"value"` of the tags, one after another.
    private let text: [UInt8]
    /// Where the member of each tag ends.
    private let ends: [Int]

    init(tags: [Tag], numbers: [UInt32]) {
      self.tags = tags
      self.numbers = numbers
      var json = JSONText(reserving: tags.count * 32)
      var ends: [Int] = []
      ends.reserveCapacity(tags.count)
      for tag in tags {
        json.appendString(tag.key.span)
        json.append(byte: UInt8(ascii: ":"))
        json.appendString(tag.value.span)
        ends.append(json.count)
      }
      self.ends = ends
      text = json.bytes
    }

    func append(_ number: UInt32, to json: inout JSONText) {
      let index = Int(number)
      let start = index == 0 ? 0 : ends[index - 1]
      json.append(bytes: text[start..<ends[index]])
    }

    /// Memory, about.
    var byteCount: Int { tags.count * 120 + text.count + numbers.count * 4 }
  }

  private let table: Table
  private let place: Range<Int>

  public init(_ tags: [Tag]) {
    table = Table(tags: tags, numbers: Array(0..<UInt32(tags.count)))
    place = 0..<tags.count
  }

  /// - Parameter place: in the table's numbers.
  init(_ table: Table, _ place: Range<Int>) {
    self.table = table
    self.place = place
  }

  /// Sorted by key, as the series has them.
  public var tags: [Tag] { place.map { table.tags[Int(table.numbers[$0])] } }

  /// Numbers of the tags within ``allTags``, in the same order.
  var numbers: ArraySlice<UInt32> { table.numbers[place] }

  /// The tags of all series that share their texts, and perhaps of some more.
  var allTags: [Tag] { table.tags }

  /// Appends the members of a JSON object.
  func append(to json: inout JSONText) {
    for index in place {
      if index > place.lowerBound { json.append(byte: UInt8(ascii: ",")) }
      table.append(table.numbers[index], to: &json)
    }
  }

  /// Whether both take their texts from one place.
  func sharesTexts(with other: Labels) -> Bool { table === other.table }

  /// Memory of the texts, which other series may share.
  var sharedByteCount: Int { table.byteCount }

  /// Whether these are the same tags, wherever their texts lie.
  func equals(_ other: Labels) -> Bool { isSame(as: other) || tags == other.tags }

  /// Whether these are the same tags of the same table.
  func isSame(as other: Labels) -> Bool { table === other.table && place == other.place }
}
