pragma solidity ^0.4.26;

// A token with the awkward habits of USDT on Ethereum: six decimals, nothing returned from
// transfer, transferFrom and approve, a fee that the owner may switch on, a pause, a blacklist of
// senders, and an approve that refuses to go from one allowance straight to another.
contract UsdtLike {
    string public constant name = "Tether-like USD";
    string public constant symbol = "USDT";
    uint8 public constant decimals = 6;

    uint public totalSupply;
    address public owner;
    uint public feeBasisPoints;
    uint public feeMaximum;
    bool public paused;
    mapping(address => uint) public balanceOf;
    mapping(address => mapping(address => uint)) public allowance;
    mapping(address => bool) public blacklisted;

    event Transfer(address indexed from, address indexed to, uint value);
    event Approval(address indexed owner, address indexed spender, uint value);

    constructor(uint supply) public {
        owner = msg.sender;
        totalSupply = supply;
        balanceOf[msg.sender] = supply;
        emit Transfer(address(0), msg.sender, supply);
    }

    modifier onlyOwner() {
        require(msg.sender == owner);
        _;
    }

    function setFee(uint basisPoints, uint maximum) public onlyOwner {
        require(basisPoints < 20);
        feeBasisPoints = basisPoints;
        feeMaximum = maximum;
    }

    function setPaused(bool on) public onlyOwner {
        paused = on;
    }

    function setBlacklisted(address account, bool on) public onlyOwner {
        blacklisted[account] = on;
    }

    function transfer(address to, uint value) public {
        move(msg.sender, to, value);
    }

    // One transaction with a Transfer for each entry: payments come in crowds, and twice to one.
    function transferMany(address[] to, uint[] values) public {
        require(to.length == values.length);
        for (uint i = 0; i < to.length; i++) move(msg.sender, to[i], values[i]);
    }

    function transferFrom(address from, address to, uint value) public {
        require(allowance[from][msg.sender] >= value);
        allowance[from][msg.sender] -= value;
        move(from, to, value);
    }

    function approve(address spender, uint value) public {
        require(value == 0 || allowance[msg.sender][spender] == 0);
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
    }

    function move(address from, address to, uint value) internal {
        require(!paused && !blacklisted[from]);
        require(balanceOf[from] >= value);
        uint fee = value * feeBasisPoints / 10000;
        if (fee > feeMaximum) fee = feeMaximum;
        uint rest = value - fee;
        balanceOf[from] -= value;
        balanceOf[to] += rest;
        emit Transfer(from, to, rest);
        if (fee > 0) {
            balanceOf[owner] += fee;
            emit Transfer(from, owner, fee);
        }
    }
}
