<?php
// Sends, byte for byte, what the public client davaxi/allmysms 1.0.2 (MIT) sends, and prints each answer as JSON.
//
//   php client.php http://127.0.0.1:8080/http [folder of davaxi/allmysms]
//
// With the folder, the public client itself is driven, and each of its requests is compared with the one written here.

declare(strict_types=1);

define('GATEWAY', $argv[1]);
$folder = $argv[2] ?? null;

function post(string $path, array $params): mixed
{
    $curl = curl_init();
    curl_setopt($curl, CURLOPT_URL, GATEWAY . '/9.0' . $path);
    curl_setopt($curl, CURLOPT_POST, true);
    // An array: curl writes multipart/form-data, and an absent value as an empty string.
    curl_setopt($curl, CURLOPT_POSTFIELDS, $params + ['login' => 'demo', 'apiKey' => 'demo-key']);
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    $answer = curl_exec($curl);
    return json_decode($answer, true);
}

$account = [
    'FIRSTNAME' => 'Zoé', 'LASTNAME' => 'Martin', 'SOCIETY' => '', 'MOBILE' => '', 'EMAIL' => 'zoe@example.com',
    'LOGIN' => 'zoe', 'PASSWORD' => 's3cret!', 'PHONE' => '', 'WEBSITE' => '', 'ADDRESS' => '', 'ZIP' => '',
    'CITY' => '', 'COUNTRY' => '', 'BILLFIRSTNAME' => '', 'BILLLASTNAME' => '', 'BILLSOCIETY' => '',
    'BILLADDRESS' => '', 'BILLZIP' => '', 'BILLCITY' => '', 'BILLCOUNTRY' => '', 'BILLEMAIL' => '',
    'BILLMOBILE' => '', 'BILLPHONE' => '', 'ACTIVE' => '1',
];
$given = array_filter($account, fn ($value) => $value !== '');
$extra = ['SENDEMAILTOCUSTOMER' => '0', 'SENDEMAILTOMASTERACCOUNT' => '0', 'POSTPAID' => '0', 'PROFILE' => ''];
$contacts = [['MOBILEPHONE' => '0612345678', 'Ville' => 'Nice']];
$asked = ['subAccount' => null, 'returnformat' => 'json'];

if ($folder !== null) {
    require $folder . '/autoload.php';

    class Watched extends \Davaxi\AllMySMS\Client
    {
        const DOMAIN = GATEWAY;
        public array $last = [];

        public function request($path, array $params)
        {
            $this->last = [$path, $params];
            return parent::request($path, $params);
        }
    }

    $client = new Watched('demo', 'demo-key');
    $outgoing = new \Davaxi\AllMySMS\Service\Message\OutGoing($client);
    $check = new \Davaxi\AllMySMS\Service\Message\Check($client);
    $lists = new \Davaxi\AllMySMS\Service\ContactList($client);
    $accounts = new \Davaxi\AllMySMS\Service\Account($client);
    $simple = new \Davaxi\AllMySMS\Model\SMS();
    $simple->addRecipient('0612345678');
    $simple->addRecipient('0698765432');
    $simple->setMessage("L'été & après");
    $bulk = new \Davaxi\AllMySMS\Model\SMS();
    $bulk->addRecipient('+33612345678');
    $bulk->setMessage('Bonjour STOP au 36180');
    $bulk->setSender('MAGASIN');
    $bulk->setCampaign('soldes');
    $bulk->setSMSId('mine');
}

$campaign = '';
$steps = [
    'simple' => [
        fn () => $outgoing->simpleSMS($simple),
        fn () => ['/', ['message' => "L'été & après", 'mobile' => '0612345678;0698765432', 'tpoa' => null,
            'date' => null, 'flash' => '0', 'campaign' => null]],
    ],
    'bulk' => [
        fn () => $outgoing->sendSMS($bulk),
        fn () => ['/sendSms', ['smsData' => json_encode(['DATA' => [
            'MESSAGE' => 'Bonjour STOP au 36180', 'DYNAMIC' => 0, 'FLASH' => '0', 'CAMPAIGN_NAME' => 'soldes',
            'DATE' => null, 'TPOA' => 'MAGASIN', 'MAIL_NOTIF' => '0', 'SMS' => [['MOBILEPHONE' => '+33612345678']],
            'CLIMSGID' => 'mine', 'MASTERACCOUNT' => null,
        ]])]],
    ],
    'acks' => [
        function () use (&$campaign, &$check) {
            return $check->getSMSAcknowledgments($campaign);
        },
        function () use (&$campaign, $asked) {
            return ['/getAcks/', ['campId' => $campaign] + $asked];
        },
    ],
    'create_list' => [
        fn () => $lists->createList('clients', [['FIELDNAME' => 'Ville']]),
        fn () => ['/createList/', ['listData' => json_encode(['DATA' => [
            'LISTNAME' => 'clients', 'SUBACCOUNT' => null, 'LOCKED' => '0',
            'STRUCTURE' => [['FIELDNAME' => 'Ville', 'FILTER' => 0, 'MAILING' => 0]],
        ]])]],
    ],
    // Its two methods on contacts post to the address of createList, which does not take them.
    'insert_contacts' => [
        fn () => $lists->insertContacts('clients', $contacts),
        fn () => ['/createList/', ['populateData' => json_encode(['DATA' => [
            'LISTNAME' => 'clients', 'SUBACCOUNT' => null, 'CONTACTS' => $contacts,
        ]])]],
    ],
    'lists' => [fn () => $lists->getLists(), fn () => ['/getLists/', $asked]],
    'contacts' => [
        fn () => $lists->getContacts('clients'),
        fn () => ['/getContacts/', ['listName' => 'clients'] + $asked],
    ],
    'delete_list' => [
        fn () => $lists->deleteList('clients'),
        fn () => ['/deleteList/', ['listName' => 'clients'] + $asked],
    ],
    'create_account' => [
        fn () => $accounts->createSubAccount($given),
        fn () => ['/createSubAccount/', ['accountData' => json_encode(['DATA' => array_merge(
            array_merge($account, $extra), $given
        )])]],
    ],
    'give_credits' => [
        fn () => $accounts->manageSubAccountCredits('zoe', 150),
        fn () => ['/manageSubAccountCredits/',
            ['subAccount' => 'zoe', 'credits' => 150, 'returnformat' => 'json']],
    ],
    'update_account' => [
        fn () => $accounts->updateSubAccount('zoe', ['CITY' => 'Nice'] + $given),
        fn () => ['/updateSubAccount/', ['subAccount' => 'zoe', 'accountData' => json_encode([
            'DATA' => array_merge($account, ['CITY' => 'Nice']),
        ])]],
    ],
    'accounts' => [fn () => $accounts->getSubAccounts(), fn () => ['/getSubAccounts/', ['returnformat' => 'json']]],
    'info' => [
        fn () => $accounts->getInfo('zoe'),
        fn () => ['/getInfo/', ['subAccount' => 'zoe', 'returnformat' => 'json']],
    ],
    'delete_account' => [
        fn () => $accounts->deleteSubAccount('zoe'),
        fn () => ['/deleteSubAccount/', ['loginToDelete' => 'zoe', 'returnformat' => 'json']],
    ],
];

$answers = [];
foreach ($steps as $name => [$drive, $written]) {
    [$path, $params] = $written();
    if ($folder === null) {
        $answers[$name] = post($path, $params);
    } else {
        $client->last = [];
        $answers[$name] = $drive();
        if ($client->last != [$path, $params]) {
            fwrite(STDERR, "$name: the public client sends otherwise: " . json_encode($client->last) . "\n");
            exit(1);
        }
    }
    $campaign = $answers['bulk']['campaignId'] ?? '';
}
echo json_encode($answers);
